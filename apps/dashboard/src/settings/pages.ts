import { lazy, type ComponentType } from 'react';

export interface SettingsPlace {
  /** Below `/settings`. */
  path: string;
  label: string;
  /** Shown to owners and admins of the team only. */
  forManagers: boolean;
  Page: ComponentType;
}

/** Every page of the settings, in the order of the menu. One is added by a line here. */
export const SETTINGS_PAGES: readonly SettingsPlace[] = [
  {
    path: 'account',
    label: 'Account',
    forManagers: false,
    Page: lazy(() => import('./account/account-page.tsx')),
  },
  { path: 'team', label: 'Team', forManagers: false, Page: lazy(() => import('./team/team-page.tsx')) },
  {
    path: 'api-keys',
    label: 'API keys',
    forManagers: true,
    Page: lazy(() => import('./api-key/api-keys-page.tsx')),
  },
  { path: 'limits', label: 'Limits', forManagers: true, Page: lazy(() => import('./limit/limits-page.tsx')) },
  { path: 'audit', label: 'Audit', forManagers: true, Page: lazy(() => import('./audit/audit-page.tsx')) },
  {
    path: 'secrets',
    label: 'Secrets',
    forManagers: true,
    Page: lazy(() => import('./secret/secrets-page.tsx')),
  },
];

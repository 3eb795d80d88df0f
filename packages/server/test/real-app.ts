import { createApp, type App, type AppOverrides } from '../src/app.ts';
import { loadConfig } from '../src/config.ts';

export type { App };

/** The whole server of this environment, on any free port once it listens; silent, without the dashboard. */
export function openApp(env: Record<string, string>, overrides?: AppOverrides): Promise<App> {
  return createApp(
    loadConfig({ PORT: '0', LOG_LEVEL: 'silent', DASHBOARD: 'false', ...env }, null),
    overrides,
  );
}

import type { CredentialKind } from '../../core/context.ts';
import type { RouteDoc } from './route-doc.ts';

const PEOPLE_AND_PROGRAMS = ['user', 'api_key'] as const;
const FLEET = ['fleet_key', 'api_key'] as const;
const SERVICES = ['service'] as const;
const GUESTS = ['guest'] as const;

/**
 * The kinds of credential each surface takes, by the beginning of its paths; the longest one counts.
 * What is under none of them takes what the platform takes. A route's own `accepts` wins.
 */
export const ENTRANCES: Readonly<Record<string, readonly CredentialKind[]>> = {
  // Platform.
  '/api/v1': PEOPLE_AND_PROGRAMS,
  '/api/v2': PEOPLE_AND_PROGRAMS,
  // Browser.
  '/api/agent': PEOPLE_AND_PROGRAMS,
  '/api/session': PEOPLE_AND_PROGRAMS,
  '/api/knowledge': PEOPLE_AND_PROGRAMS,
  '/api/debug': PEOPLE_AND_PROGRAMS,
  // Fleet.
  '/api/sessions': FLEET,
  '/api/tasks': FLEET,
  '/api/machines': FLEET,
  '/health/detailed': FLEET,
  // Operations.
  '/metrics': [...FLEET, 'user'],
  // Chat.
  '/v1': SERVICES,
  // Assistant.
  '/agent': GUESTS,
  '/documents': GUESTS,
  '/ws/chat': GUESTS,
};

const PREFIXES = Object.keys(ENTRANCES).sort((a, b) => b.length - a.length);

/** The kinds of credential a route takes. */
export function acceptsOf({ url, accepts }: Pick<RouteDoc, 'url' | 'accepts'>): readonly CredentialKind[] {
  if (accepts !== undefined) return accepts;
  const prefix = PREFIXES.find((each) => url === each || url.startsWith(`${each}/`));
  return prefix === undefined ? PEOPLE_AND_PROGRAMS : ENTRANCES[prefix]!;
}

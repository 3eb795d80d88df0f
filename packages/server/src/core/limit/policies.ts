import type { Tier } from '../context.ts';
import type { Allowance, LimitPolicy, LimitStages, LimitSubject } from '../ports.ts';

/** Refuses above the limit, and nothing else. */
export const PLAIN: LimitStages = { slowUpTo: 1, blockAfter: null };
/** Delays up to 120 % of the limit, refuses above, and blocks who goes on all the same. */
export const GRADUATED: LimitStages = { slowUpTo: 1.2, blockAfter: 30 };

type Numbers = Allowance | Record<Tier, Allowance>;

interface Declared {
  description: string;
  subject: LimitSubject;
  numbers: Numbers;
  onFailure?: 'closed';
  stages?: LimitStages;
  also?: readonly string[];
}

const perMinute = (free: number, pro: number, enterprise: number): Record<Tier, Allowance> => ({
  free: { minute: free },
  pro: { minute: pro },
  enterprise: { minute: enterprise },
});

/** Everything that is limited by name, with the numbers of a new installation; docs/guides/rate-limits.md. */
const DECLARED = {
  anonymous: {
    description: 'Requests without a valid credential, unknown paths included.',
    subject: 'ip',
    numbers: { minute: 30 },
    stages: GRADUATED,
  },
  auth: {
    description:
      'Calls to /api/v1/auth without a credential: logging in stays possible beside a blocked neighbour.',
    subject: 'ip',
    numbers: { minute: 60 },
  },
  page: {
    description: 'Files of the dashboard, the API explorer and the OpenAPI document.',
    subject: 'ip',
    numbers: { minute: 1200 },
  },
  platform: {
    description: 'Requests of one key, user, guest or service, apart from those of a holder.',
    subject: 'identity',
    numbers: perMinute(6_000, 12_000, 60_000),
  },
  holder: {
    description: 'Requests of a holder: leases, heartbeats and events.',
    subject: 'identity',
    numbers: perMinute(60_000, 120_000, 600_000),
  },
  tenant: {
    description: 'All requests of a tenant with a credential.',
    subject: 'tenant',
    numbers: perMinute(120_000, 240_000, 1_200_000),
  },
  login: {
    description: 'Attempts to log in, from one address with one e-mail.',
    subject: 'ip_email',
    numbers: { minute: 10, hour: 30 },
    onFailure: 'closed',
    stages: { slowUpTo: 1, blockAfter: 10 },
  },
  login_account: {
    description: 'Attempts to log in with one e-mail, from anywhere.',
    subject: 'email',
    numbers: { hour: 100, day: 300 },
    onFailure: 'closed',
  },
  two_factor: {
    description: 'Attempts at a second factor.',
    subject: 'user',
    numbers: { minute: 5, hour: 20, day: 60 },
    onFailure: 'closed',
  },
  register: {
    description: 'Registrations.',
    subject: 'ip',
    numbers: { minute: 5, hour: 20, day: 100 },
    onFailure: 'closed',
  },
  password_reset: {
    description: 'Password resets asked for or tried, from one address and for one e-mail.',
    subject: 'email',
    numbers: { minute: 3, hour: 10, day: 30 },
    onFailure: 'closed',
  },
  verify_email: {
    description: 'Verification mails asked for.',
    subject: 'user',
    numbers: { minute: 3, hour: 10, day: 30 },
    onFailure: 'closed',
  },
  invite: {
    description: 'Invitations sent.',
    subject: 'tenant',
    numbers: {
      free: { minute: 20, day: 100 },
      pro: { minute: 50, day: 1_000 },
      enterprise: { minute: 100, day: 10_000 },
    },
    onFailure: 'closed',
  },
  guest: {
    description: 'Guest sessions made.',
    subject: 'ip',
    numbers: { minute: 20, hour: 200 },
    onFailure: 'closed',
  },
  'browser.interact': {
    description: 'Steps of the browser agent; each is a paid model call.',
    subject: 'tenant',
    numbers: perMinute(10, 60, 300),
    also: ['browser.interact.user'],
  },
  'browser.interact.user': {
    description: 'The share of one user in it; no limit of its own unless one is set.',
    subject: 'tenant_user',
    numbers: {},
  },
  'browser.resolve': {
    description: 'Knowledge look-ups of the browser agent.',
    subject: 'tenant',
    numbers: perMinute(30, 150, 600),
  },
  'browser.session': {
    description: 'Session reads of the browser agent.',
    subject: 'tenant',
    numbers: perMinute(100, 500, 2_000),
  },
  fleet: {
    description: 'Requests of one key of the fleet API.',
    subject: 'identity',
    numbers: { minute: 100 },
  },
  'assistant.chat': {
    description: 'Messages to the assistant in one session; each is a paid model call.',
    subject: 'identity',
    numbers: { minute: 20 },
    also: ['assistant.chat.ip'],
  },
  'assistant.chat.ip': {
    description: 'The same for all sessions of one address.',
    subject: 'ip',
    numbers: { minute: 60 },
  },
  'assistant.ingest': {
    description: 'Documents given to the assistant in one session.',
    subject: 'identity',
    numbers: { minute: 10 },
    also: ['assistant.ingest.ip'],
  },
  'assistant.ingest.ip': {
    description: 'The same for all sessions of one address.',
    subject: 'ip',
    numbers: { minute: 30 },
  },
  'assistant.read': {
    description: 'Reads of the assistant in one session.',
    subject: 'identity',
    numbers: { minute: 120 },
    also: ['assistant.read.ip'],
  },
  'assistant.read.ip': {
    description: 'The same for all sessions of one address.',
    subject: 'ip',
    numbers: { minute: 360 },
  },
} as const satisfies Record<string, Declared>;

export type PolicyName = keyof typeof DECLARED;

/** The names an installation may set numbers for. */
export const POLICY_NAMES = Object.keys(DECLARED) as [PolicyName, ...PolicyName[]];

/** Every policy with the numbers of a new installation. */
export const DEFAULT_POLICIES: readonly LimitPolicy[] = POLICY_NAMES.map((name) => {
  const declared: Declared = DECLARED[name];
  return {
    name,
    description: declared.description,
    subject: declared.subject,
    allowances: byTier(declared.numbers),
    onFailure: declared.onFailure ?? 'open',
    stages: declared.stages ?? PLAIN,
    also: declared.also ?? [],
  };
});

export function byTier(numbers: Numbers): Record<Tier, Allowance> {
  return 'free' in numbers ? numbers : { free: numbers, pro: numbers, enterprise: numbers };
}

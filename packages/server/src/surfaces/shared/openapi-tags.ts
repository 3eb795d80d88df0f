/** What the groups of operations are about. */
const TAGS: Readonly<Record<string, string>> = {
  admin: 'Rate limits with their exceptions, and the keys that sign tokens.',
  agents: 'Who answers in a session: instructions, model, tools, budgets.',
  api: 'What the server offers, feature flags, and the use of the API itself.',
  audit: 'The hash-chained record of every change: search, export, verify.',
  documents: 'Texts that agents search and quote.',
  events: 'The log of a session: read it, follow it, append to it.',
  guests: 'Sessions of visitors without an account.',
  identity: 'Logins, tokens and API keys.',
  leases: 'The right to work on a session.',
  limits: 'Rate limits, and exceptions to them.',
  mail: 'What was mailed.',
  messages: 'The conversation of a session.',
  ops: 'Health and metrics.',
  profile: 'The user that is asking.',
  projects: 'What sessions, agents and documents belong to.',
  runs: "An agent's work on a session, step by recorded step.",
  secrets: 'Encrypted values of a tenant, such as model keys.',
  sessions: 'One piece of work with its log.',
  teams: 'Members of a tenant, their roles, invitations.',
};

/** In alphabetical order, those that some operation has. */
export function describeTags(used: ReadonlySet<string>): { name: string; description?: string }[] {
  return [...used].sort().map((name) => {
    const description = TAGS[name];
    return description === undefined ? { name } : { name, description };
  });
}

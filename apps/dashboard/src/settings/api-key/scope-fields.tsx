import type { ApiKey } from '@holdfast/protocol';

export type Scope = ApiKey['scopes'][number];

const SCOPES: readonly { scope: Scope; does: string }[] = [
  { scope: 'read', does: 'look at everything of the team' },
  { scope: 'write', does: 'create and change sessions, messages and documents' },
  { scope: 'hold', does: 'work on sessions as a holder' },
  { scope: 'admin', does: 'all of it, and manage keys and settings' },
];

/** What a key may do. */
export function ScopeFields(props: {
  chosen: readonly Scope[];
  onChange: (chosen: readonly Scope[]) => void;
}) {
  const { chosen, onChange } = props;
  return (
    <fieldset className="grid gap-2">
      <legend className="pb-1.5 text-sm font-medium">Scopes</legend>
      {SCOPES.map(({ scope, does }) => (
        <label key={scope} className="flex items-start gap-2 text-sm">
          <input
            type="checkbox"
            className="mt-0.5 size-4 accent-primary"
            checked={chosen.includes(scope)}
            onChange={(event) =>
              onChange(event.target.checked ? [...chosen, scope] : chosen.filter((other) => other !== scope))
            }
          />
          <span>
            <span className="font-mono text-xs">{scope}</span>
            <span className="text-muted-foreground"> · {does}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}

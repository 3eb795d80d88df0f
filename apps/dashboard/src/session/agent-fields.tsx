import { Field, Input, Textarea } from '../component/field.tsx';

export interface AgentDraft {
  name: string;
  instructions: string;
  model: string;
  tools: string[];
}

const TOOLS = ['search_documents', 'read_document', 'calculate', 'current_time', 'fetch_url'];

export const DEFAULT_AGENT: AgentDraft = {
  name: 'Assistant',
  instructions:
    'Answer from the documents of the project and cite the ones you used. When they do not say it, say so.',
  model: 'default',
  tools: ['search_documents', 'read_document', 'calculate', 'current_time'],
};

interface AgentFieldsProps {
  draft: AgentDraft;
  onChange: (draft: AgentDraft) => void;
}

export function AgentFields({ draft, onChange }: AgentFieldsProps) {
  const set = (change: Partial<AgentDraft>): void => onChange({ ...draft, ...change });
  const own = draft.tools.filter((tool) => !TOOLS.includes(tool));
  return (
    <fieldset className="grid gap-4 rounded-lg border p-4">
      <legend className="px-1 text-sm font-semibold">New agent</legend>
      <Field label="Name">
        {(id) => (
          <Input
            id={id}
            required
            value={draft.name}
            onChange={(event) => set({ name: event.target.value })}
          />
        )}
      </Field>
      <Field label="Instructions">
        {(id) => (
          <Textarea
            id={id}
            rows={3}
            value={draft.instructions}
            onChange={(event) => set({ instructions: event.target.value })}
          />
        )}
      </Field>
      <Field label="Model" hint="default, offline, openai/…, anthropic/… or compatible/…">
        {(id) => (
          <Input id={id} value={draft.model} onChange={(event) => set({ model: event.target.value })} />
        )}
      </Field>
      <fieldset className="grid gap-2">
        <legend className="mb-1.5 text-sm font-medium">Tools</legend>
        <div className="flex flex-wrap gap-x-4 gap-y-2">
          {TOOLS.map((tool) => (
            <label key={tool} className="flex items-center gap-2 font-mono text-xs">
              <input
                type="checkbox"
                className="size-4 accent-primary"
                checked={draft.tools.includes(tool)}
                onChange={({ target }) =>
                  set({
                    tools: target.checked ? [...draft.tools, tool] : draft.tools.filter((t) => t !== tool),
                  })
                }
              />
              {tool}
            </label>
          ))}
        </div>
      </fieldset>
      <OwnTools
        names={own}
        onChange={(names) =>
          set({ tools: [...draft.tools.filter((tool) => TOOLS.includes(tool)), ...names] })
        }
      />
    </fieldset>
  );
}

function OwnTools({ names, onChange }: { names: readonly string[]; onChange: (names: string[]) => void }) {
  return (
    <Field label="Further tools" hint="Names of tools of connected MCP servers, separated by commas.">
      {(id) => (
        <Input
          id={id}
          defaultValue={names.join(', ')}
          placeholder="mcp__files__list"
          onChange={(event) =>
            onChange(
              event.target.value
                .split(',')
                .map((name) => name.trim())
                .filter((name) => name !== ''),
            )
          }
        />
      )}
    </Field>
  );
}

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { useLocation } from 'wouter';
import { useClient } from '../auth/session.tsx';
import { Button } from '../component/button.tsx';
import { Dialog } from '../component/dialog.tsx';
import { Field, Input, Select } from '../component/field.tsx';
import { ErrorNotice } from '../component/notice.tsx';
import { AgentFields, DEFAULT_AGENT, type AgentDraft } from './agent-fields.tsx';
import { useAgents, useProjects } from './queries.ts';

const NEW = 'new';
const NONE = 'none';

interface Choice {
  title: string;
  projectId: string;
  projectName: string;
  agentId: string;
  agent: AgentDraft;
}

export function NewSessionDialog(props: { open: boolean; onClose: () => void; projectId?: string }) {
  return (
    <Dialog
      open={props.open}
      onClose={props.onClose}
      title="New session"
      description="A session belongs to a project, and an agent answers in it."
    >
      <NewSessionForm onClose={props.onClose} initialProject={props.projectId} />
    </Dialog>
  );
}

function NewSessionForm({ onClose, initialProject }: { onClose: () => void; initialProject?: string }) {
  const [title, setTitle] = useState('');
  const [pickedProject, setProject] = useState<string | null>(initialProject ?? null);
  const [projectName, setProjectName] = useState('');
  const [pickedAgent, setAgentId] = useState<string | null>(null);
  const [agent, setAgent] = useState<AgentDraft>(DEFAULT_AGENT);
  const projects = useProjects();
  // The oldest project is where everything begins.
  const projectId = pickedProject ?? projects.data?.at(-1)?.id ?? NEW;
  const agents = useAgents(projectId === NEW ? '' : projectId);
  const agentId = pickedAgent ?? agents.data?.[0]?.id ?? NEW;
  const create = useCreateSession(onClose);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    create.mutate({ title, projectId, projectName, agentId, agent });
  };
  return (
    <form className="grid gap-4" onSubmit={submit}>
      {create.isError && <ErrorNotice error={create.error} />}
      <Field label="Title" hint="May be left empty.">
        {(id) => (
          <Input id={id} value={title} maxLength={300} onChange={(event) => setTitle(event.target.value)} />
        )}
      </Field>
      <ChoiceField
        label="Project"
        value={projectId}
        options={projects.data?.map(({ id, name }) => ({ value: id, label: name }))}
        more={[{ value: NEW, label: 'New project…' }]}
        onChange={(value) => {
          setProject(value);
          setAgentId(null);
        }}
      />
      {projectId === NEW && <ProjectName name={projectName} onChange={setProjectName} />}
      <ChoiceField
        label="Agent"
        value={agentId}
        options={agents.data?.map(({ id, name, model }) => ({ value: id, label: `${name} (${model})` }))}
        more={[
          { value: NEW, label: 'New agent…' },
          { value: NONE, label: 'No agent' },
        ]}
        onChange={setAgentId}
      />
      {agentId === NEW && <AgentFields draft={agent} onChange={setAgent} />}
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" variant="primary" disabled={create.isPending || projects.isPending}>
          {create.isPending ? 'Creating…' : 'Create session'}
        </Button>
      </div>
    </form>
  );
}

function ProjectName({ name, onChange }: { name: string; onChange: (name: string) => void }) {
  return (
    <Field label="Name of the project">
      {(id) => <Input id={id} required value={name} onChange={(event) => onChange(event.target.value)} />}
    </Field>
  );
}

interface Option {
  value: string;
  label: string;
}

interface ChoiceFieldProps {
  label: string;
  value: string;
  options: readonly Option[] | undefined;
  more: readonly Option[];
  onChange: (value: string) => void;
}

function ChoiceField({ label, value, options = [], more, onChange }: ChoiceFieldProps) {
  return (
    <Field label={label}>
      {(id) => (
        <Select id={id} value={value} onChange={(event) => onChange(event.target.value)}>
          {[...options, ...more].map((option) => (
            <option key={option.value} value={option.value}>
              {option.label}
            </option>
          ))}
        </Select>
      )}
    </Field>
  );
}

function useCreateSession(onDone: () => void) {
  const client = useClient();
  const queries = useQueryClient();
  const [, navigate] = useLocation();
  return useMutation({
    mutationFn: async ({ title, projectName, agent, ...picked }: Choice) => {
      const project_id =
        picked.projectId === NEW
          ? (await client.projects.create({ name: projectName })).id
          : picked.projectId;
      const agent_id =
        picked.agentId === NEW
          ? (await client.agents.create({ project_id, ...agent, model: agent.model.trim() || 'default' })).id
          : picked.agentId;
      return client.sessions.create({
        project_id,
        agent_id: agent_id === NONE ? null : agent_id,
        title: title.trim() === '' ? null : title.trim(),
      });
    },
    onSuccess: async (session) => {
      onDone();
      navigate(`/sessions/${session.id}`);
      await queries.invalidateQueries();
    },
  });
}

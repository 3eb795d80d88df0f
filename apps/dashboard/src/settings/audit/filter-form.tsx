import { useEffect, useRef, type FormEvent } from 'react';
import { Button } from '../../component/button.tsx';
import { Field, Input, Select } from '../../component/field.tsx';
import { useNames } from '../use-names.ts';
import { readForm, toFields, writeFilter, type AuditSearch } from './filter.ts';
import { useIsOperator } from './queries.ts';

interface FilterFormProps {
  filter: AuditSearch;
  onChange: (filter: AuditSearch) => void;
}

/** Fields are taken over by Enter or the button, choices at once. */
export function FilterForm({ filter, onChange }: FilterFormProps) {
  const isOperator = useIsOperator();
  const { all } = useNames();
  const form = useFields(filter);
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    onChange(readForm(new FormData(event.currentTarget)));
  };
  return (
    <form
      ref={form}
      role="search"
      aria-label="Audit log"
      className="grid gap-3 rounded-lg border bg-card p-4"
      onSubmit={submit}
    >
      <div className="grid gap-3 sm:grid-cols-2 lg:grid-cols-3">
        <TextFilter name="text" label="Text" hint="In actions, targets and changes." minLength={2} />
        <TextFilter name="action" label="Action" hint="Such as project.updated, or project.*" />
        <TextFilter name="actor" label="Actor" hint="Such as user:… or anonymous." list="audit-actors" />
        <TextFilter name="target_type" label="Target type" />
        <TextFilter name="target_id" label="Target id" />
        <Choice name="outcome" label="Outcome" options={['success', 'denied', 'failure']} any="any" />
        <TimeFilter name="from" label="From" />
        <TimeFilter name="to" label="Before" />
        {isOperator && <Choice name="chain" label="Log" options={['system']} any="of this team" />}
      </div>
      <datalist id="audit-actors">
        {all.map(({ subject, name }) => (
          <option key={subject} value={subject}>
            {name}
          </option>
        ))}
      </datalist>
      <div className="flex gap-2">
        <Button type="submit" variant="primary">
          Search
        </Button>
        <Button onClick={() => onChange({})}>Clear</Button>
      </div>
    </form>
  );
}

/** Puts the filter of the address into the form, which keeps its focus. */
function useFields(filter: AuditSearch) {
  const form = useRef<HTMLFormElement>(null);
  const query = writeFilter(filter).toString();
  useEffect(() => {
    const fields = toFields(new URLSearchParams(query));
    for (const control of form.current?.elements ?? []) {
      if (control instanceof HTMLInputElement || control instanceof HTMLSelectElement)
        control.value = fields.get(control.name) ?? '';
    }
  }, [query]);
  return form;
}

function TextFilter(props: {
  name: string;
  label: string;
  hint?: string;
  list?: string;
  minLength?: number;
}) {
  const { name, label, hint, list, minLength } = props;
  return (
    <Field label={label} hint={hint}>
      {(id) => (
        <Input
          id={id}
          name={name}
          list={list}
          minLength={minLength}
          maxLength={200}
          spellCheck={false}
          autoComplete="off"
        />
      )}
    </Field>
  );
}

function TimeFilter({ name, label }: { name: string; label: string }) {
  return <Field label={label}>{(id) => <Input id={id} name={name} type="datetime-local" />}</Field>;
}

function Choice(props: { name: string; label: string; options: readonly string[]; any: string }) {
  return (
    <Field label={props.label}>
      {(id) => (
        <Select id={id} name={props.name} onChange={(event) => event.target.form?.requestSubmit()}>
          <option value="">{props.any}</option>
          {props.options.map((option) => (
            <option key={option}>{option}</option>
          ))}
        </Select>
      )}
    </Field>
  );
}

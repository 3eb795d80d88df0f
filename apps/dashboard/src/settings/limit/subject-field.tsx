import type { RatePolicy } from '@holdfast/protocol';
import { useId } from 'react';
import { Field, Input } from '../../component/field.tsx';
import { useNames } from '../use-names.ts';
import { exampleOf, isOfTeams } from './describe.ts';

interface SubjectFieldProps {
  policy: RatePolicy;
  value: string;
  onChange: (value: string) => void;
  /** What leaving it empty means; it must be filled in otherwise. */
  emptyMeans?: string;
}

/** Whom a policy counts; the keys and members of the team are suggested. */
export function SubjectField({ policy, value, onChange, emptyMeans }: SubjectFieldProps) {
  const list = useId();
  const { all } = useNames();
  const kind = policy.subject === 'identity' ? /^(key|user):/ : /^user:/;
  const known = isOfTeams(policy) ? all.filter(({ subject }) => kind.test(subject)) : [];
  const hint = [`Such as ${exampleOf(policy)}.`, emptyMeans === undefined ? '' : `Empty for ${emptyMeans}.`];
  return (
    <Field label="Whom" hint={hint.join(' ').trim()}>
      {(id) => (
        <>
          <Input
            id={id}
            list={list}
            autoComplete="off"
            spellCheck={false}
            required={emptyMeans === undefined}
            maxLength={400}
            value={value}
            onChange={(event) => onChange(event.target.value)}
          />
          <datalist id={list}>
            {known.map(({ subject, name }) => (
              <option key={subject} value={subject}>
                {name}
              </option>
            ))}
          </datalist>
        </>
      )}
    </Field>
  );
}

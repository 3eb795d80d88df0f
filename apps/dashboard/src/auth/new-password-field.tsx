import { MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH } from '@holdfast/protocol';
import { useState } from 'react';
import { TextField } from '../component/field.tsx';

/** A password that is being chosen; it can be looked at, so that it need not be typed twice. */
export function NewPasswordField(props: {
  label?: string;
  value: string;
  autoFocus?: boolean;
  onChange: (value: string) => void;
}) {
  const [shown, setShown] = useState(false);
  return (
    <div className="grid gap-2">
      <TextField
        label={props.label ?? 'New password'}
        hint={`At least ${MIN_PASSWORD_LENGTH} characters, and not a common one.`}
        type={shown ? 'text' : 'password'}
        autoComplete="new-password"
        required
        minLength={MIN_PASSWORD_LENGTH}
        maxLength={MAX_PASSWORD_LENGTH}
        autoFocus={props.autoFocus}
        value={props.value}
        onChange={props.onChange}
      />
      <label className="flex items-center gap-2 text-sm">
        <input
          type="checkbox"
          className="size-4 accent-primary"
          checked={shown}
          onChange={(event) => setShown(event.target.checked)}
        />
        Show it
      </label>
    </div>
  );
}

import { TextField } from '../../component/field.tsx';

/** A code of the app; with `backup`, also one of the backup codes. */
export function CodeField(props: {
  value: string;
  backup?: boolean;
  autoFocus?: boolean;
  onChange: (value: string) => void;
}) {
  const { backup = false, ...rest } = props;
  return (
    <TextField
      label="Code"
      hint={backup ? 'Six digits of the app, or a backup code.' : 'Six digits that the app shows now.'}
      autoComplete="one-time-code"
      inputMode={backup ? 'text' : 'numeric'}
      autoCapitalize="none"
      spellCheck={false}
      required
      maxLength={40}
      {...rest}
    />
  );
}

/** As the server takes it: without the space that many apps show in the middle. */
export const digitsOf = (text: string): string => text.replaceAll(/\s/g, '');

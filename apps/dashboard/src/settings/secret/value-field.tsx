import type { RefObject } from 'react';
import { MAX_SECRET_LENGTH } from '@holdfast/protocol';
import { Field, Textarea } from '../../component/field.tsx';

/**
 * Where a value is typed. Only the control itself holds it: no state, no cache and no storage does, it is masked, and
 * the browser is asked to keep no copy for itself.
 */
export function ValueField({ control }: { control: RefObject<HTMLTextAreaElement | null> }) {
  return (
    <Field label="Value" hint="Stored encrypted, and never shown again. May have several lines.">
      {(id) => (
        <Textarea
          id={id}
          ref={control}
          required
          rows={3}
          maxLength={MAX_SECRET_LENGTH}
          autoComplete="off"
          autoCapitalize="off"
          autoCorrect="off"
          spellCheck={false}
          data-1p-ignore
          data-lpignore="true"
          className="font-mono break-all [-webkit-text-security:disc]"
        />
      )}
    </Field>
  );
}

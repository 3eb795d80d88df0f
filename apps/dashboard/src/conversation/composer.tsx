import { SendHorizontal } from 'lucide-react';
import { useState, type KeyboardEvent } from 'react';
import { Button } from '../component/button.tsx';

const MAX_ROWS = 10;

export function Composer({ disabled, onSend }: { disabled: boolean; onSend: (content: string) => void }) {
  const [text, setText] = useState('');
  const send = (): void => {
    if (text.trim() === '' || disabled) return;
    onSend(text);
    setText('');
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    // While an input method composes, Enter chooses a word.
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };
  return (
    <form
      className="border-t bg-card p-3"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <div className="mx-auto flex max-w-3xl items-end gap-2 rounded-xl border border-input bg-background p-1.5 focus-within:border-ring focus-within:ring-2 focus-within:ring-ring/30">
        <textarea
          id="message"
          aria-label="Message"
          aria-describedby="message-hint"
          rows={Math.min(MAX_ROWS, text.split('\n').length)}
          className="max-h-64 min-h-9 flex-1 resize-none bg-transparent px-2.5 py-2 outline-none placeholder:text-muted-foreground"
          placeholder={disabled ? 'This session is closed.' : 'Write a message…'}
          disabled={disabled}
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={onKeyDown}
        />
        <Button
          type="submit"
          variant="primary"
          size="icon"
          aria-label="Send"
          disabled={disabled || text.trim() === ''}
        >
          <SendHorizontal aria-hidden="true" />
        </Button>
      </div>
      <p id="message-hint" className="mx-auto mt-1.5 max-w-3xl px-1 text-xs text-muted-foreground">
        Enter sends, Shift+Enter begins a new line.
      </p>
    </form>
  );
}

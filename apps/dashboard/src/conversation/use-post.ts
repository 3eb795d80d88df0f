import { useState } from 'react';
import { useClient } from '../auth/session.tsx';
import type { SessionFeed } from '../feed/session-feed.ts';

/** A message on its way. Its id is made once: however often it is sent, it is written once. */
export interface Waiting {
  id: string;
  content: string;
  error: string | null;
}

export function usePost(feed: SessionFeed, sessionId: string) {
  const client = useClient();
  const [sent, setSent] = useState<readonly Waiting[]>([]);
  const submit = (message: Waiting): void => {
    const change = (error: string | null): void =>
      setSent((all) => all.map((one) => (one.id === message.id ? { ...one, error } : one)));
    change(null);
    client.messages
      .post(sessionId, { content: message.content, client_msg_id: message.id })
      .catch((error: unknown) => change(error instanceof Error ? error.message : String(error)));
  };
  const recorded = new Set(
    feed.conversation.items.map((item) => (item.kind === 'message' ? item.clientMsgId : null)),
  );
  return {
    waiting: sent.filter(({ id }) => !recorded.has(id)),
    send(content: string): void {
      const message = { id: newId(), content, error: null };
      setSent((all) => [...all, message]);
      submit(message);
    },
    retry: submit,
  };
}

/** `crypto.randomUUID` is missing in pages that are not served over HTTPS. */
function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
}

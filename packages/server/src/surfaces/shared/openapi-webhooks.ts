import { EVENT_SCHEMAS } from '@holdfast/protocol';
import { z } from 'zod';

/** One kind of request that this server sends to an endpoint of somebody else. */
export interface WebhookDoc {
  /** Of the event, `noun.verb`. */
  type: string;
  summary: string;
  payload: z.ZodType;
}

/**
 * One webhook for each type of event that the log has. Whoever delivers them pushes these to
 * `app.surface.webhooks`; until then the document has no such section.
 */
export function eventWebhooks(): WebhookDoc[] {
  return Object.entries(EVENT_SCHEMAS).map(([type, data]) => ({
    type,
    summary: `The event ${type} was appended to a log.`,
    payload: z.object({
      type: z.literal(type),
      timestamp: z.iso.datetime(),
      data: z.object({ session_id: z.uuid(), seq: z.int().min(1), actor: z.string(), event: data }),
    }),
  }));
}

/** The `webhooks` section of the document, undefined when there is nothing in it. */
export function describeWebhooks(webhooks: readonly WebhookDoc[]): Record<string, unknown> | undefined {
  if (webhooks.length === 0) return undefined;
  return Object.fromEntries(
    webhooks.map(({ type, summary, payload }) => {
      const { $schema: _, ...schema } = z.toJSONSchema(payload, { io: 'output', unrepresentable: 'any' });
      const post = {
        operationId: `webhook_${type.replaceAll('.', '_')}`,
        summary,
        description: 'Answer with any 2xx once it is stored; anything else is tried again.',
        tags: ['webhooks'],
        security: [],
        requestBody: { required: true, content: { 'application/json': { schema } } },
        responses: { '2XX': { description: 'It was received.' }, '4XX': { description: 'It was refused.' } },
      };
      return [type, { post }];
    }),
  );
}

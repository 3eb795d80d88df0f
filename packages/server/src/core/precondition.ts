import { DomainError } from './errors.ts';

/** Whether the caller's If-Match names what is there now, given its wire form. */
export type IfMatch = (current: object) => boolean;

/**
 * Call it inside the transaction, with the row locked: of two parallel changes to one version one wins.
 * @param current wire form of what is there now, as a GET would answer it
 * @throws PRECONDITION_FAILED when the caller knows something else
 */
export function requireMatch(ctx: { readonly ifMatch?: IfMatch }, current: object): void {
  if (ctx.ifMatch === undefined || ctx.ifMatch(current)) return;
  throw new DomainError('PRECONDITION_FAILED', undefined, {
    suggestion: 'Read it again, apply the change to what it is now, and send its ETag.',
  });
}

import { createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { invalid } from '../../core/errors.ts';

/** The list a cursor belongs to: of which tenant, route, path and filters. */
export type CursorScope = readonly unknown[];

const MAC_BYTES = 16;
const SCOPE_BYTES = 8;
const HEAD_BYTES = MAC_BYTES + SCOPE_BYTES;
const STALE = 'belongs to a list with other filters; leave it out to begin again';

/**
 * Makes positions in lists opaque: nobody can craft one, read one as an id, or use one for another list.
 * Servers with the same secret read each other's cursors.
 */
export class PageCursors {
  readonly #key: Buffer;

  /** @param secret of the installation; another one makes every open cursor invalid */
  constructor(secret: string | Buffer) {
    this.#key = Buffer.from(hkdfSync('sha256', secret, '', 'holdfast page cursors', 32));
  }

  /** @param position what the list goes on after: a sort key and an id, or an id that is both */
  seal(position: string, scope: CursorScope): string {
    const signed = Buffer.concat([hashScope(scope), Buffer.from(position)]);
    return Buffer.concat([this.#sign(signed), signed]).toString('base64url');
  }

  /** @throws VALIDATION_ERROR naming `cursor` */
  open(cursor: string, scope: CursorScope): string {
    const bytes = Buffer.from(cursor, 'base64url');
    const signed = bytes.subarray(MAC_BYTES);
    const mac = bytes.subarray(0, MAC_BYTES);
    const ours = bytes.length > HEAD_BYTES && timingSafeEqual(mac, this.#sign(signed));
    if (!ours) throw invalid('cursor', 'is not one that this server gave');
    if (!signed.subarray(0, SCOPE_BYTES).equals(hashScope(scope))) throw invalid('cursor', STALE);
    return signed.subarray(SCOPE_BYTES).toString();
  }

  #sign(bytes: Buffer): Buffer {
    return createHmac('sha256', this.#key).update(bytes).digest().subarray(0, MAC_BYTES);
  }
}

function hashScope(scope: CursorScope): Buffer {
  return createHash('sha256').update(JSON.stringify(scope)).digest().subarray(0, SCOPE_BYTES);
}

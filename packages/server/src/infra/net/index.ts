export { createOutbound, type OutboundOptions } from './outbound.ts';
export { isPublicAddress, UnreachableError, type LookupAll } from './public-address.ts';

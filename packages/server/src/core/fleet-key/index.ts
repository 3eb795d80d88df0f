export { FLEET_KEY_TEXTS, findFleetPrincipal, refuseMalformedKey } from './authenticate.ts';
export { FleetKeys, type FleetKeyList } from './keys.ts';
export { FLEET_TENANT } from './queries.ts';

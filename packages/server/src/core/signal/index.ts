export { Signals, type SessionKey } from './signals.ts';

export type { HeadStatement, Notary, NotaryKey, SignedHead } from './audit.ts';
export type { Authenticators, NewAuthenticator } from './authenticator.ts';
export type { Account, Accounts, NewToken, SigningKeys, TokenClaims, Tokens } from './identity.ts';
export type {
  Allowance,
  LimitCount,
  LimitDecision,
  LimitPolicy,
  LimitRequest,
  LimitRules,
  Limits,
  LimitStages,
  LimitState,
  LimitStore,
  LimitSubject,
  LimitTake,
} from './limit.ts';
export type { Mailer, MailOutcome, OutgoingMail } from './mail.ts';
export type { Outbound, OutboundRequest, OutboundResponse } from './outbound.ts';
export type { KeyRing, Secrets, SecretUse, Wrapped } from './secret.ts';

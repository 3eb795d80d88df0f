export { createClient, type Client, type ClientOptions } from './client.ts';
export { HoldfastError, type HoldfastErrorCode } from './errors.ts';
export type { FollowDetail, FollowOptions, FollowState } from './follow/resume.ts';
export type { CallOptions, HttpOptions } from './http/http-client.ts';
export { paginate, type PageOptions } from './http/paging.ts';
export type { RetryOptions } from './http/retry.ts';
export { signedFetch, signRequest, type RequestToSign, type Signer } from './http/sign.ts';
export type { Upload } from './resource/documents.ts';
export type { AppendedEvents, EventPage } from './resource/events.ts';
export type { HeartbeatReply } from './resource/leases.ts';
export type { SessionFilter } from './resource/sessions.ts';
export { applyDelta, dataOfEvent, isEphemeral } from './transcript/event-data.ts';
export type {
  TranscriptMessage,
  TranscriptRun,
  TranscriptSession,
  TranscriptState,
  TranscriptTool,
} from './transcript/state.ts';
export { createTranscript, type Transcript } from './transcript/transcript.ts';

export { listMessages, type MessagePage } from './list.ts';
export { postMessage } from './post.ts';
export { selectConversation } from './queries.ts';

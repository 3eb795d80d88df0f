export * from './holder.ts';

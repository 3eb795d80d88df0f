import { z } from 'zod';
import type { Doc } from './config-field.ts';

const api = (description: string): Doc => ({ group: 'HTTP API', description });

/** `https://host`, `chrome-extension://id`, every page of a scheme (`vscode-webview://*`), or `*`. */
const ORIGIN = /^(\*|[a-z][a-z0-9+.-]*:\/\/(\*|[A-Za-z0-9._-]+(:\d{1,5})?|\[[0-9a-fA-F:]+\](:\d{1,5})?))$/;
/** Of these every page of the web would be one. */
const TOO_WIDE = /^https?:\/\/\*$/;

export const API_VARIABLES = {
  CORS_ORIGINS: z
    .string()
    .transform((list) => list.split(',').map((origin) => origin.trim()))
    .pipe(
      z
        .array(
          z
            .string()
            .regex(ORIGIN)
            .refine((origin) => !TOO_WIDE.test(origin)),
        )
        .max(100),
    )
    .default([])
    .meta({
      ...api('Web pages of other origins that may call the API from a browser; none without it.'),
      rule: 'a comma-separated list of origins such as https://app.example.com or vscode-webview://*, or *',
    }),
};

interface ApiVariables {
  CORS_ORIGINS: string[];
}

export function toApiConfig(v: ApiVariables) {
  return { corsOrigins: v.CORS_ORIGINS };
}

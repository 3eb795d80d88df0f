import { createServer } from 'node:http';

// What any server in Node costs before it does anything.
createServer((_request, response) => response.end('{}')).listen(Number(process.argv[2]), '127.0.0.1', () =>
  process.stdout.write('ready\n'),
);

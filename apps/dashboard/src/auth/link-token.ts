import { useEffect, useState } from 'react';

/**
 * The token of a mailed link: it is in the fragment, which browsers send to no server.
 * It is taken out of the address, so that it stays neither on the screen nor in the history.
 */
export function useLinkToken(): string {
  const [token] = useState(() => new URLSearchParams(location.hash.slice(1)).get('token') ?? '');
  useEffect(() => {
    if (token !== '') history.replaceState(history.state, '', location.pathname);
  }, [token]);
  return token;
}

import { useLayoutEffect, useRef, type RefObject } from 'react';

const NEAR_PX = 48;

/** Keeps a scrolled box at its end as it grows, unless its reader has scrolled away. */
export function useStickToEnd(box: RefObject<HTMLElement | null>, version: number) {
  const sticks = useRef(true);
  useLayoutEffect(() => {
    const { current } = box;
    if (current !== null && sticks.current) current.scrollTop = current.scrollHeight;
  }, [box, version]);
  return {
    onScroll({ scrollTop, scrollHeight, clientHeight }: HTMLElement): void {
      sticks.current = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    },
  };
}

import {
  keepPreviousData,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
import { useDeferredValue } from 'react';
import { useClient } from '../auth/session.tsx';

const listKey = (projectId: string) => ['documents', projectId];

export function useDocuments(projectId: string) {
  const client = useClient();
  return useInfiniteQuery({
    queryKey: listKey(projectId),
    queryFn: ({ pageParam, signal }) =>
      client.documents.list(projectId, { limit: 100, cursor: pageParam }, { signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
}

/** The passages that match best. */
export function usePassages(projectId: string, query: string) {
  const client = useClient();
  const deferred = useDeferredValue(query);
  return useQuery({
    queryKey: ['passages', projectId, deferred],
    queryFn: ({ signal }) => client.documents.search(projectId, { query: deferred, limit: 10 }, { signal }),
    placeholderData: keepPreviousData,
  });
}

/** Uploads files one after the other; the first that fails ends it. */
export function useUpload(projectId: string) {
  const client = useClient();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (files: readonly File[]): Promise<string> => {
      for (const file of files) {
        const content = new Uint8Array(await file.arrayBuffer());
        await client.documents.upload(projectId, { name: file.name, content });
      }
      return files.length === 1
        ? `${files[0]!.name} is uploaded.`
        : `${files.length} documents are uploaded.`;
    },
    onSettled: () => queries.invalidateQueries({ queryKey: listKey(projectId) }),
  });
}

export function useDeleteDocument(projectId: string) {
  const client = useClient();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => client.documents.delete(id),
    onSettled: () => queries.invalidateQueries({ queryKey: listKey(projectId) }),
  });
}

/** The list of API keys among the cached queries. */
export const API_KEYS = ['api-keys'];

/** What a visitor should wait before asking again after 503, in seconds: about how long a container takes to start. */
export const retryAfterSeconds = 5;

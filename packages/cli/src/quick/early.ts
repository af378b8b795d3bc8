/** Why a listing ended that the ordinary way would have ended as well. */
export interface EndedEarly {
  readonly why: 'silent' | 'canceled';
  readonly socketPath: string;
  readonly target: string;
}

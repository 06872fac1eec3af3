/** Parts of a device that can be looked at alone. */
export const AREAS = ["machine", "bank", "camera", "broker"] as const;
export type Area = (typeof AREAS)[number];

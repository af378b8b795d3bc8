/**
 * What each volume type can have. Sizes in GiB, throughput in MiB/s.
 * Source: Amazon EBS User Guide, "Amazon EBS volume types" and the parameters of CreateVolume in the EC2 API Reference.
 */
export const VOLUME_TYPES = ['gp3', 'gp2', 'io2', 'io1', 'st1', 'sc1', 'standard'] as const;
export type VolumeType = (typeof VOLUME_TYPES)[number];
export const isVolumeType = (x: unknown): x is VolumeType => VOLUME_TYPES.includes(x as VolumeType);

export interface TypeLimits {
  readonly minGib: number;
  readonly maxGib: number;
  /** Provisioned operations a second: absent = cannot be set. `perGib` bounds them by the size. */
  readonly iops?: { readonly min: number; readonly max: number; readonly perGib: number; readonly required: boolean };
  readonly throughput?: { readonly min: number; readonly max: number; readonly perIops: number };
  readonly multiAttach?: true;
}

export const LIMITS: Readonly<Record<VolumeType, TypeLimits>> = {
  gp3: {
    minGib: 1,
    maxGib: 65_536,
    iops: { min: 3_000, max: 80_000, perGib: 500, required: false },
    throughput: { min: 125, max: 2_000, perIops: 0.25 },
  },
  gp2: { minGib: 1, maxGib: 16_384 },
  io2: {
    minGib: 4,
    maxGib: 65_536,
    iops: { min: 100, max: 256_000, perGib: 1_000, required: true },
    multiAttach: true,
  },
  io1: { minGib: 4, maxGib: 16_384, iops: { min: 100, max: 64_000, perGib: 50, required: true }, multiAttach: true },
  st1: { minGib: 125, maxGib: 16_384 },
  sc1: { minGib: 125, maxGib: 16_384 },
  standard: { minGib: 1, maxGib: 1_024 },
};

/** gp3 gives this without being asked, whatever the size. */
export const GP3_FREE = { iops: 3_000, throughput: 125 } as const;

/** Operations that a type can have at a size. */
export function iopsRange(type: VolumeType, gib: number): { min: number; max: number } | undefined {
  const { iops } = LIMITS[type];
  if (iops === undefined) return undefined;
  // gp3 has its 3,000 at any size; more needs a larger volume.
  return { min: iops.min, max: Math.max(iops.min, Math.min(iops.max, Math.floor(iops.perGib * gib))) };
}

/** Attachments of an instance where DescribeInstanceTypes does not say. Source: EC2 User Guide, "Amazon EBS volume limits for EC2 instances". */
export const ATTACHMENTS = { nitro: 28, xen: 39 } as const;

/** Families of the Xen hypervisor, for when DescribeInstanceTypes cannot be asked. */
export const XEN_FAMILIES: ReadonlySet<string> = new Set(
  't1 t2 m1 m2 m3 m4 c1 c3 c4 cc2 cr1 r3 r4 x1 x1e i2 i3 hs1 h1 d2 g2 g3 g3s p2 p3 f1'.split(' '),
);

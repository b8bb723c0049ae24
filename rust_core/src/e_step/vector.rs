//! Vectors of eight nodes, and the instruction set that the kernels run on.
//!
//! Kernels are written as plain loops over [`V`] and compiled once per instruction set. They contain no fused
//! multiply-add and no reordered sums, so that every instruction set gives the same bits.

/// Eight consecutive nodes of a row: one cache line.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct V(pub [f64; 8]);

impl V {
    pub const ZERO: V = V([0.0; 8]);

    #[inline(always)]
    pub fn map2(self, other: V, f: impl Fn(f64, f64) -> f64) -> V {
        let mut out = self;
        for (x, y) in out.0.iter_mut().zip(other.0) {
            *x = f(*x, y);
        }
        out
    }

    #[inline(always)]
    pub fn map(self, f: impl Fn(f64) -> f64) -> V {
        let mut out = self;
        for x in &mut out.0 {
            *x = f(*x);
        }
        out
    }

    #[inline(always)]
    pub fn times(self, other: V) -> V {
        self.map2(other, |x, y| x * y)
    }

    #[inline(always)]
    pub fn plus(self, other: V) -> V {
        self.map2(other, |x, y| x + y)
    }

    #[inline(always)]
    pub fn scale(self, factor: f64) -> V {
        self.map(|x| x * factor)
    }

    /// The sum of the elements, always in the same order.
    #[inline(always)]
    pub fn sum(self) -> f64 {
        let x = self.0;
        ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]))
    }
}

/// The elements of a row of vectors.
pub(crate) fn flat(row: &[V]) -> &[f64] {
    // SAFETY: `V` is eight `f64` without padding (its size is its alignment).
    unsafe { std::slice::from_raw_parts(row.as_ptr().cast(), row.len() * 8) }
}

/// The elements of a row of vectors, to be written.
pub(crate) fn flat_mut(row: &mut [V]) -> &mut [f64] {
    // SAFETY: as in `flat`; the borrow of `row` is exclusive.
    unsafe { std::slice::from_raw_parts_mut(row.as_mut_ptr().cast(), row.len() * 8) }
}

/// The instruction sets that the kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstructionSet {
    /// What every processor of the architecture has.
    Baseline,
    /// 256-bit vectors on x86-64, with what every such processor has.
    Avx2,
    /// 512-bit vectors on x86-64: what all processors since the first servers with them have.
    Avx512,
}

impl InstructionSet {
    /// Those this processor can run, the fastest last.
    pub fn available() -> Vec<Self> {
        [Self::Baseline, Self::Avx2, Self::Avx512].into_iter().filter(|isa| isa.is_available()).collect()
    }

    /// The fastest this processor can run.
    pub fn best() -> Self {
        if Self::Avx512.is_available() {
            Self::Avx512
        } else if Self::Avx2.is_available() {
            Self::Avx2
        } else {
            Self::Baseline
        }
    }

    /// Whether this processor can run it.
    pub fn is_available(self) -> bool {
        match self {
            Self::Baseline => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => {
                is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("bmi1")
                    && is_x86_feature_detected!("bmi2")
                    && is_x86_feature_detected!("lzcnt")
                    && is_x86_feature_detected!("popcnt")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                Self::Avx2.is_available()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512cd")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
            }
            #[cfg(not(target_arch = "x86_64"))]
            _ => false,
        }
    }
}

/// A piece of work that is compiled for each instruction set; its `run` must be `#[inline(always)]`.
pub(crate) trait Kernel {
    type Output;
    fn run(self) -> Self::Output;
}

/// Runs a kernel on an instruction set; on the baseline where the processor does not have it.
pub(crate) fn dispatch<K: Kernel>(isa: InstructionSet, kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    if isa.is_available() {
        // SAFETY: the processor has just been asked for the features.
        match isa {
            InstructionSet::Avx512 => return unsafe { avx512(kernel) },
            InstructionSet::Avx2 => return unsafe { avx2(kernel) },
            InstructionSet::Baseline => {}
        }
    }
    let _ = isa;
    kernel.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,bmi1,bmi2,lzcnt,popcnt")]
fn avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}

/// The exponent bits of a double.
const EXPONENT_SHIFT: u32 = 52;
/// The exponent of 1 as it is stored.
const BIAS: u64 = 1023;
/// `2^52`: adding an integer below it puts that integer into the low bits.
pub(crate) const TWO_52: f64 = 4_503_599_627_370_496.0;
/// High and low part of `log 2`; the product of the high part and an exponent is exact (fdlibm).
pub(crate) const LN2: [f64; 2] = [6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10];
/// The fraction bits of a double.
const FRACTION: u64 = (1 << EXPONENT_SHIFT) - 1;

/// Splits a normal positive number into a mantissa in [1, 2) and an exponent; zero gives zero and 0.
#[inline(always)]
pub(super) fn split(x: f64) -> (f64, f64) {
    let bits = x.to_bits();
    let mantissa = f64::from_bits((bits & FRACTION) | (BIAS << EXPONENT_SHIFT));
    let exponent = f64::from_bits((bits >> EXPONENT_SHIFT) | TWO_52.to_bits()) - (TWO_52 + BIAS as f64);
    if x > 0.0 { (mantissa, exponent) } else { (x, 0.0) }
}

/// `2^e` for an integer `e` from -1022 to 1023.
#[inline(always)]
pub(crate) fn exp2_integer(e: f64) -> f64 {
    f64::from_bits((e + (TWO_52 + BIAS as f64)).to_bits() << EXPONENT_SHIFT)
}

/// `log(x 2^e)` for a normal positive `x` and an integer `e`; error below one unit in the last place.
///
/// The system's logarithm may use fused operations where the processor has them; this one gives the same bits
/// everywhere and runs on vectors. The algorithm and the constants are those of Sun's fdlibm.
#[inline(always)]
pub(crate) fn ln_scaled(x: f64, e: f64) -> f64 {
    /// High word of sqrt(1/2), to which the mantissa is reduced.
    const SQRT_HALF: u64 = 0x3fe6_a09e << 32;
    const LG: [f64; 7] = [
        6.666_666_666_666_735e-1,
        3.999_999_999_940_942e-1,
        2.857_142_874_366_239e-1,
        2.222_219_843_214_978_4e-1,
        1.818_357_216_161_805e-1,
        1.531_383_769_920_937_3e-1,
        1.479_819_860_511_658_6e-1,
    ];
    let shifted = x.to_bits().wrapping_add((BIAS << EXPONENT_SHIFT) - SQRT_HALF);
    let k = f64::from_bits((shifted >> EXPONENT_SHIFT) | TWO_52.to_bits()) - (TWO_52 + BIAS as f64) + e;
    let f = f64::from_bits((shifted & FRACTION).wrapping_add(SQRT_HALF)) - 1.0;
    let half_square = 0.5 * f * f;
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let t1 = w * (LG[1] + w * (LG[3] + w * LG[5]));
    let t2 = z * (LG[0] + w * (LG[2] + w * (LG[4] + w * LG[6])));
    s * (half_square + (t2 + t1)) + k * LN2[1] - half_square + f + k * LN2[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithm_agrees_with_the_system() {
        let mut x = 1e-300;
        while x < 1e300 {
            let error = (ln_scaled(x, 0.0) - x.ln()).abs();
            assert!(error <= 2.0 * f64::EPSILON * x.ln().abs().max(f64::EPSILON), "log({x}) is off by {error}");
            x *= 1.017_3;
        }
        assert_eq!(ln_scaled(1.0, 0.0), 0.0);
        let expected = 3f64.ln() - 5_000.0 * std::f64::consts::LN_2;
        assert!((ln_scaled(3.0, -5_000.0) - expected).abs() <= 2.0 * f64::EPSILON * expected.abs());
    }

    #[test]
    fn split_and_power_are_inverse() {
        for x in [1.0, 1.5, 3e-290, 0.1, 7e200] {
            let (mantissa, exponent) = split(x);
            assert!((1.0..2.0).contains(&mantissa));
            assert_eq!(mantissa * exp2_integer(exponent), x);
        }
        assert_eq!(split(0.0), (0.0, 0.0));
    }
}

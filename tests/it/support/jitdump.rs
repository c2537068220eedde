//! jitdump files made for a test, in the form of tools/perf/util/jitdump.h.

/// The code of a function: where it lies, its size in bytes, and its number in the file.
#[derive(Clone, Copy)]
pub struct Code {
    /// The address of its first byte.
    pub start: u64,
    /// Bytes.
    pub size: u64,
    /// `code_index`.
    pub number: u64,
}

/// A jitdump file of little-endian numbers, with times of CLOCK_MONOTONIC.
pub struct Jitdump {
    bytes: Vec<u8>,
}

impl Jitdump {
    /// A header and nothing else.
    pub fn new() -> Jitdump {
        let mut bytes = b"DTiJ".to_vec();
        // Version, size of the header, EM_X86_64, padding, pid.
        for word in [1u32, 40, 62, 0, 42] {
            bytes.extend(word.to_le_bytes());
        }
        // Time, flags.
        bytes.extend([0; 16]);
        Jitdump { bytes }
    }

    /// JIT_CODE_LOAD: a function was made.
    pub fn load(&mut self, time_ns: u64, code: Code, name: &str) {
        let bytes = [0xcc; 16];
        let rest: Vec<u8> = name.bytes().chain([0]).chain(bytes).collect();
        self.record(0, time_ns, &[code.start, code.start, code.size, code.number], &rest);
    }

    /// JIT_CODE_MOVE: a function was moved to the address `to`.
    pub fn moved(&mut self, time_ns: u64, code: Code, to: u64) {
        self.record(1, time_ns, &[to, code.start, to, code.size, code.number], &[]);
    }

    fn record(&mut self, kind: u32, time_ns: u64, numbers: &[u64], rest: &[u8]) {
        let size = 16 + 8 + 8 * numbers.len() + rest.len();
        self.bytes.extend([kind, size as u32].map(u32::to_le_bytes).concat());
        self.bytes.extend(time_ns.to_le_bytes());
        self.bytes.extend([42u32, 42].map(u32::to_le_bytes).concat());
        self.bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        self.bytes.extend(rest);
    }

    /// The file.
    pub fn bytes(&self) -> Vec<u8> {
        self.bytes.clone()
    }
}

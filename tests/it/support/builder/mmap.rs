//! A mapped file: PERF_RECORD_MMAP2.

use super::bytes::{put_name, put_padded, put_task, put32, put64};
use super::constants::misc;
use super::origin::{KERNEL_PID, Task};

/// One PERF_RECORD_MMAP2 (perf_event.h): a mapped file.
#[derive(Clone, Debug)]
pub struct Mmap {
    pub(super) task: Task,
    start: u64,
    len: u64,
    pgoff: u64,
    inode: (u32, u32, u64, u64),
    build_id: Option<Vec<u8>>,
    prot: u32,
    pub(super) misc: u16,
    name: String,
}

impl Mmap {
    /// `name`, mapped by this process to `[start, start + len)` from the file's beginning, readable
    /// and executable.
    pub fn new(pid: u32, name: &str, start: u64, len: u64) -> Self {
        let inode = (8, 1, 1_000_000 + u64::from(pid), 0);
        Mmap {
            task: (pid, pid),
            start,
            len,
            pgoff: 0,
            inode,
            build_id: None,
            prot: 5,
            misc: misc::USER,
            name: name.to_owned(),
        }
    }

    /// The map of a kernel module, `[name]` or the path of its file, in the form of `perf record
    /// --buildid-mmap`: pid −1, protection 0.
    pub fn kernel_module(name: &str, start: u64, len: u64) -> Self {
        let mut map = Mmap::new(KERNEL_PID, name, start, len);
        map.task = (KERNEL_PID, 0);
        map.misc = misc::KERNEL;
        map.inode(0, 0, 0, 0).prot(0)
    }

    /// The offset in the file, bytes.
    pub fn pgoff(mut self, bytes: u64) -> Self {
        self.pgoff = bytes;
        self
    }

    /// Device major and minor, inode and its generation.
    pub fn inode(mut self, major: u32, minor: u32, ino: u64, generation: u64) -> Self {
        self.inode = (major, minor, ino, generation);
        self
    }

    /// A build id of at most 20 bytes in place of the inode.
    pub fn build_id(mut self, id: &[u8]) -> Self {
        assert!(id.len() <= 20, "a build id has at most 20 bytes");
        self.build_id = Some(id.to_vec());
        self.misc |= misc::MMAP_BUILD_ID;
        self
    }

    /// Marks the record as one with a build id, although device and inode stand there.
    pub fn marked(mut self) -> Self {
        self.misc |= misc::MMAP_BUILD_ID;
        self
    }

    /// PROT_ bits of mmap(2): 1 read, 2 write, 4 execute.
    pub fn prot(mut self, bits: u32) -> Self {
        self.prot = bits;
        self
    }

    pub(super) fn body(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_task(&mut out, self.task);
        [self.start, self.len, self.pgoff].iter().for_each(|value| put64(&mut out, *value));
        match &self.build_id {
            Some(id) => {
                put32(&mut out, id.len() as u32);
                put_padded(&mut out, id, 20);
            }
            None => {
                put32(&mut out, self.inode.0);
                put32(&mut out, self.inode.1);
                put64(&mut out, self.inode.2);
                put64(&mut out, self.inode.3);
            }
        }
        put32(&mut out, self.prot);
        put32(&mut out, 2); // MAP_PRIVATE
        put_name(&mut out, &self.name);
        out
    }
}

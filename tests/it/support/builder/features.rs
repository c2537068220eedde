//! The feature sections of the header.

use std::collections::BTreeMap;

use super::bytes::{framed, header_string, put_padded, put32, put64, words};
use super::constants::{feature, misc};
use super::event::Event;
use super::file::Builder;
use super::origin::KERNEL_PID;

impl Builder {
    /// A feature section, as it is ([`feature`]).
    pub fn feature(&mut self, bit: u8, payload: &[u8]) -> &mut Self {
        self.features.insert(bit, payload.to_vec());
        self
    }

    /// HOSTNAME.
    pub fn hostname(&mut self, name: &str) -> &mut Self {
        self.feature(feature::HOSTNAME, &header_string(name))
    }

    /// OSRELEASE: the kernel's release.
    pub fn os_release(&mut self, release: &str) -> &mut Self {
        self.feature(feature::OSRELEASE, &header_string(release))
    }

    /// VERSION of perf.
    pub fn perf_version(&mut self, version: &str) -> &mut Self {
        self.feature(feature::VERSION, &header_string(version))
    }

    /// ARCH: the machine, such as `x86_64`.
    pub fn arch(&mut self, machine: &str) -> &mut Self {
        self.feature(feature::ARCH, &header_string(machine))
    }

    /// NRCPUS. The available CPUs come first in the file, although the documentation's struct says
    /// otherwise (header.c).
    pub fn cpus(&mut self, online: u32, available: u32) -> &mut Self {
        self.feature(feature::NRCPUS, &[available.to_le_bytes(), online.to_le_bytes()].concat())
    }

    /// CMDLINE: perf and its arguments.
    pub fn cmdline(&mut self, arguments: &[&str]) -> &mut Self {
        let mut out = (arguments.len() as u32).to_le_bytes().to_vec();
        arguments.iter().for_each(|argument| out.extend(header_string(argument)));
        self.feature(feature::CMDLINE, &out)
    }

    /// TRACING_DATA (`trace-event-info.c` in tools/perf/util): for each tracepoint its system, its
    /// name, its id and its one field, an unsigned number of four bytes after the eight that all
    /// have.
    pub fn tracing_data(&mut self, tracepoints: &[(&str, &str, u64, &str)]) -> &mut Self {
        let mut out = b"\x17\x08\x44tracing0.6\0".to_vec();
        out.extend([0, 8]); // little endian, bytes of a `long`
        put32(&mut out, 4096);
        for name in ["header_page", "header_event"] {
            out.extend(name.as_bytes());
            out.push(0);
            put64(&mut out, 0);
        }
        put32(&mut out, 0); // formats of ftrace itself
        put32(&mut out, tracepoints.len() as u32);
        for (system, name, id, field) in tracepoints {
            out.extend(system.as_bytes());
            out.push(0);
            put32(&mut out, 1);
            let format = format!(
                "name: {name}\nID: {id}\nformat:\n\
                 \tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\
                 \tfield:unsigned int {field};\toffset:8;\tsize:4;\tsigned:0;\n"
            );
            put64(&mut out, format.len() as u64);
            out.extend(format.as_bytes());
        }
        [0; 2].iter().for_each(|_| put32(&mut out, 0)); // kallsyms and printk
        put64(&mut out, 0); // comms
        self.feature(feature::TRACING_DATA, &out)
    }

    /// EVENT_DESC: attributes, names and ids of all events.
    pub fn event_desc(&mut self) -> &mut Self {
        self.event_desc = true;
        self
    }

    /// BUILD_ID of the kernel.
    pub fn kernel_build_id(&mut self, id: &[u8]) -> &mut Self {
        self.build_id(misc::KERNEL, "[kernel.kallsyms]", id)
    }

    /// BUILD_ID of a file.
    pub fn file_build_id(&mut self, path: &str, id: &[u8]) -> &mut Self {
        self.build_id(misc::USER, path, id)
    }

    /// `struct build_id_event` with the name padded to 64 bytes (perf.data-file-format.txt,
    /// build-id.c).
    fn build_id(&mut self, mode: u16, name: &str, id: &[u8]) -> &mut Self {
        assert!(id.len() <= 20, "a build id has at most 20 bytes");
        let mut body = KERNEL_PID.to_le_bytes().to_vec();
        put_padded(&mut body, id, 20);
        put32(&mut body, id.len() as u32);
        put_padded(&mut body, name.as_bytes(), (name.len() + 1).next_multiple_of(64));
        let event = framed(0, mode | misc::BUILD_ID_SIZE, &body);
        self.features.entry(feature::BUILD_ID).or_default().extend(event);
        self
    }

    /// All features, the description of the events too.
    pub(super) fn all_features(&self, events: &[Event]) -> BTreeMap<u8, Vec<u8>> {
        let mut features = self.features.clone();
        if self.event_desc {
            features.insert(feature::EVENT_DESC, self.described(events));
        }
        features
    }

    /// EVENT_DESC.
    fn described(&self, events: &[Event]) -> Vec<u8> {
        let mut out = (events.len() as u32).to_le_bytes().to_vec();
        put32(&mut out, self.attr_size);
        for event in events {
            out.extend(event.attribute(self.attr_size));
            put32(&mut out, event.ids.len() as u32);
            out.extend(header_string(&event.name));
            out.extend(words(&event.ids));
        }
        out
    }
}

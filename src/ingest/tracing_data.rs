//! TRACING_DATA: the formats of the tracepoints' records, as the kernel described them to perf.

use std::ops::Range;

use hashbrown::HashMap;

use super::cursor::{ByteOrder, Cursor, text};

/// The first bytes, before the version (`tracing_data_header`, tools/perf/util/trace-event-info.c).
const MAGIC: &[u8] = b"\x17\x08\x44tracing";

/// The format of one tracepoint's records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Format {
    /// `irq`, `sched`, `probe`, …
    pub system: String,
    /// `softirq_raise`, …
    pub name: String,
    /// The fields, in the order of the format.
    pub fields: Vec<Field>,
}

/// A field of a tracepoint's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Position of its first byte in the record.
    pub offset: usize,
    /// Its size in bytes.
    pub size: usize,
    /// Whether a number in it is signed.
    pub is_signed: bool,
    /// Where its value is stored.
    pub storage: Storage,
}

/// Where the value of a field is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// In the field itself.
    Inline,
    /// Elsewhere in the record (`__data_loc`): the field holds the position (lower 16 bits) and the
    /// length (upper 16 bits).
    DataLoc,
    /// Like `DataLoc`, with the position counted from the end of the field (`__rel_loc`, kernel
    /// 5.17).
    RelLoc,
}

impl Format {
    /// The field with one of these names; the first name with a field counts.
    pub fn field(&self, names: &[&str]) -> Option<&Field> {
        names.iter().find_map(|name| self.fields.iter().find(|field| field.name == *name))
    }
}

impl Field {
    /// The number in this field of a record, sign-extended.
    // Nearly all numbers have 4 or 8 bytes, and are read in each record.
    #[inline(always)]
    pub fn number(&self, record: &[u8], order: ByteOrder) -> Option<i64> {
        let at = self.offset;
        match self.size {
            4 if self.is_signed => Some(i64::from(order.u32_at(record, at)? as i32)),
            8 => Some(order.u64_at(record, at)? as i64),
            _ => self.unusual_number(record, order),
        }
    }

    #[inline(never)]
    fn unusual_number(&self, record: &[u8], order: ByteOrder) -> Option<i64> {
        let at = self.offset;
        Some(match (self.size, self.is_signed) {
            (1, true) => i64::from(*record.get(at)? as i8),
            (1, false) => i64::from(*record.get(at)?),
            (2, true) => i64::from(order.u16_at(record, at)? as i16),
            (2, false) => i64::from(order.u16_at(record, at)?),
            (4, false) => i64::from(order.u32_at(record, at)?),
            _ => return None,
        })
    }

    /// The text in this field, up to its first NUL.
    #[inline]
    pub fn bytes<'a>(&self, record: &'a [u8], order: ByteOrder) -> Option<&'a [u8]> {
        record.get(self.value(record, order)?)?.split(|&byte| byte == 0).next()
    }

    /// Position of the field's value in a record.
    #[inline]
    pub fn value(&self, record: &[u8], order: ByteOrder) -> Option<Range<usize>> {
        let (start, length) = match self.storage {
            Storage::Inline => (self.offset, self.size),
            Storage::DataLoc | Storage::RelLoc => {
                let location = order.u32_at(record, self.offset)?;
                let (position, length) = ((location & 0xffff) as usize, (location >> 16) as usize);
                let base = if self.storage == Storage::RelLoc { self.offset.checked_add(4)? } else { 0 };
                (base.checked_add(position)?, length)
            }
        };
        Some(start..start.checked_add(length)?)
    }
}

/// Formats, by the id that is in an event's config. Ids come from the file: a hasher with a seed,
/// so that nobody can choose them to collide.
pub type Formats = HashMap<u64, Format>;

/// The formats in TRACING_DATA. Reading ends where the data is cut or
/// malformed; the formats before that position are returned.
pub fn formats(data: &[u8], order: ByteOrder) -> Formats {
    let mut formats = Formats::new();
    let mut system = String::new();
    read(data, order, &mut |entry| match entry {
        Entry::System(range) => system = text(&data[range]),
        Entry::Format(range) => {
            let format = std::str::from_utf8(&data[range]).ok().and_then(|text| format(text, &system));
            if let Some((id, format)) = format {
                formats.entry(id).or_insert(format);
            }
        }
    });
    formats
}

/// Redacts the names in the formats: `group` replaces the name of a system. `event` replaces the
/// name of an event; its arguments are the system's name and the event's. A replacement must not be
/// longer than the name.
///
/// Returns the end of the formats: symbols of the kernel and comms follow. `None` if the data is
/// cut or malformed.
#[cfg(feature = "pack")]
pub fn redact(
    data: &mut [u8],
    order: ByteOrder,
    group: impl Fn(&str) -> String,
    event: impl Fn(&str, &str) -> String,
) -> Option<usize> {
    let (mut system, mut names) = (String::new(), Vec::new());
    let end = read(data, order, &mut |entry| match entry {
        Entry::System(range) => {
            system = text(&data[range.clone()]);
            names.push((range, group(&system)));
        }
        Entry::Format(range) => {
            let format = data[range.clone()].split(|byte| *byte == b'\n');
            let mut at = range.start;
            for line in format {
                if let Some(name) = line.strip_prefix(b"name: ") {
                    names.push((at + line.len() - name.len()..at + line.len(), event(&system, &text(name))));
                }
                at += line.len() + 1;
            }
        }
    });
    for (range, name) in names {
        data[range].iter_mut().zip(name.bytes()).for_each(|(to, byte)| *to = byte);
    }
    end
}

/// An entry of the data, and its position.
enum Entry {
    /// The name of a system.
    System(Range<usize>),
    /// The format of one of its events.
    Format(Range<usize>),
}

/// Calls `visit` for each entry, and returns the end of the last.
///
/// The order of the data (tools/perf/util/trace-event-read.c): magic, version, byte order, size of
/// a long, size of a page, the two headers of ftrace's pages, ftrace's own formats, then the
/// formats of each system.
fn read(data: &[u8], order: ByteOrder, visit: &mut dyn FnMut(Entry)) -> Option<usize> {
    let mut cursor = Cursor::new(data, order);
    if cursor.take(MAGIC.len() as u64)? != MAGIC {
        return None;
    }
    let _version = string(&mut cursor)?;
    let _byte_order = cursor.take(1)?;
    let _bytes_of_a_long = cursor.take(1)?;
    let _bytes_of_a_page = cursor.u32()?;
    for expected in ["header_page", "header_event"] {
        if string(&mut cursor)? != expected {
            return None;
        }
        sized(&mut cursor)?;
    }
    let ftrace_formats = cursor.u32()?;
    for _ in 0..ftrace_formats {
        sized(&mut cursor)?;
    }
    let position = |cursor: &Cursor| data.len() - cursor.rest().len();
    let systems = cursor.u32()?;
    for _ in 0..systems {
        let start = position(&cursor);
        string(&mut cursor)?;
        visit(Entry::System(start..position(&cursor) - 1));
        let events = cursor.u32()?;
        for _ in 0..events {
            let bytes = sized(&mut cursor)?.len();
            let end = position(&cursor);
            visit(Entry::Format(end - bytes..end));
        }
    }
    Some(position(&cursor))
}

/// Text that ends in NUL.
fn string(cursor: &mut Cursor) -> Option<String> {
    let length = cursor.rest().iter().position(|&byte| byte == 0)?;
    cursor.take(length as u64 + 1).map(text)
}

/// A size (u64), then as many bytes.
fn sized<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let size = cursor.u64()?;
    cursor.take(size)
}

/// One format and its id, from the text of `/sys/kernel/tracing/events/SYSTEM/NAME/format`
/// (`f_show`, kernel/trace/trace_events.c): `name: …`, `ID: …`, then for each field
/// `field:DECLARATION; offset:N; size:N; signed:N;`.
fn format(text: &str, system: &str) -> Option<(u64, Format)> {
    let after = |prefix: &str| text.lines().find_map(|line| line.strip_prefix(prefix)).map(str::trim);
    let id = after("ID:")?.parse().ok()?;
    let name = after("name:")?.to_owned();
    let fields = text.lines().filter_map(|line| field(line.trim())).collect();
    Some((id, Format { system: system.to_owned(), name, fields }))
}

fn field(line: &str) -> Option<Field> {
    let mut parts = line.strip_prefix("field:")?.split(';').map(str::trim);
    let declaration = parts.next()?;
    let (mut offset, mut size, mut signed) = (None, None, None);
    for part in parts {
        let (key, value) = part.split_once(':').unwrap_or((part, ""));
        let number = match key {
            "offset" => &mut offset,
            "size" => &mut size,
            "signed" => &mut signed,
            _ => continue,
        };
        *number = value.parse::<usize>().ok();
    }
    // `unsigned long args[6]`, `__data_loc char[] name`, `char comm[16]`, `void * skbaddr`.
    let last = declaration.rsplit([' ', '*']).next()?;
    let name = last.split('[').next().filter(|name| !name.is_empty())?;
    let storage = match declaration.split(' ').next() {
        Some("__data_loc") => Storage::DataLoc,
        Some("__rel_loc") => Storage::RelLoc,
        _ => Storage::Inline,
    };
    Some(Field { name: name.to_owned(), offset: offset?, size: size?, is_signed: signed == Some(1), storage })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SWITCH: &str = "name: sched_switch\nID: 288\nformat:\n\
        \tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\n\
        \tfield:char prev_comm[16];\toffset:8;\tsize:16;\tsigned:0;\n\
        \tfield:pid_t prev_pid;\toffset:24;\tsize:4;\tsigned:1;\n\
        \tfield:long prev_state;\toffset:32;\tsize:8;\tsigned:1;\n\
        \tfield:__data_loc char[] name;\toffset:40;\tsize:4;\tsigned:0;\n\
        \tfield:void * skbaddr;\toffset:48;\tsize:8;\tsigned:0;\n\n\
        print fmt: \"prev_comm=%s\", REC->prev_comm\n";

    fn tracing_data() -> Vec<u8> {
        let mut data = MAGIC.to_vec();
        data.extend(b"0.6\0");
        data.extend([0, 8]);
        data.extend(4096u32.to_le_bytes());
        for name in ["header_page", "header_event"] {
            data.extend(name.as_bytes());
            data.push(0);
            data.extend(3u64.to_le_bytes());
            data.extend(b"abc");
        }
        data.extend(0u32.to_le_bytes());
        data.extend(1u32.to_le_bytes());
        data.extend(b"sched\0");
        data.extend(1u32.to_le_bytes());
        data.extend((SWITCH.len() as u64).to_le_bytes());
        data.extend(SWITCH.as_bytes());
        data
    }

    #[test]
    fn fields_of_every_kind_are_found() {
        let formats = formats(&tracing_data(), ByteOrder::Little);
        let switch = &formats[&288];
        assert_eq!((switch.system.as_str(), switch.name.as_str()), ("sched", "sched_switch"));
        let names: Vec<&str> = switch.fields.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["common_type", "prev_comm", "prev_pid", "prev_state", "name", "skbaddr"]);
        let mut record = vec![0; 56];
        record[8..13].copy_from_slice(b"bash\0");
        record[24..28].copy_from_slice(&(-3i32).to_le_bytes());
        record[40..44].copy_from_slice(&(3u32 << 16 | 56).to_le_bytes());
        record.extend(b"v1\0");
        let text = |name| switch.field(&[name]).and_then(|field| field.bytes(&record, ByteOrder::Little));
        assert_eq!(text("prev_comm"), Some(&b"bash"[..]));
        assert_eq!(text("name"), Some(&b"v1"[..]));
        let pid =
            switch.field(&["absent", "prev_pid"]).and_then(|field| field.number(&record, ByteOrder::Little));
        assert_eq!(pid, Some(-3));
        assert_eq!(
            switch.field(&["prev_pid"]).and_then(|field| field.number(&[0; 26], ByteOrder::Little)),
            None
        );
    }

    #[test]
    fn whatever_is_cut_off_costs_no_more_than_itself() {
        let whole = tracing_data();
        for length in 0..whole.len() {
            assert!(formats(&whole[..length], ByteOrder::Little).is_empty(), "{length}");
            formats(&whole[..length], ByteOrder::Big);
        }
        let mut hostile = whole.clone();
        let count = hostile.len() - SWITCH.len() - 12;
        hostile[count..count + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(formats(&hostile, ByteOrder::Little).len(), 1);
    }
}

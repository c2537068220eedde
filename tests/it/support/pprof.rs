//! A reader of pprof's format that shares no code with its writer. It reads messages of Protocol
//! Buffers field by field, by the specification of their encoding and `proto/profile.proto` of
//! google/pprof, checks the rules of the format, and returns what a viewer would show.

use std::collections::{BTreeMap, HashSet};
use std::io::Read;

/// A profile.
#[derive(Debug, Default)]
pub struct Profile {
    /// What each value of a sample counts: type and unit.
    pub types: Vec<(String, String)>,
    /// Which of them viewers show first.
    pub default_type: String,
    /// The samples.
    pub samples: Vec<Sample>,
    /// The modules, each with its build id in hexadecimal digits.
    pub modules: Vec<(String, String)>,
    /// The start, in ns since 1970; 0 if it is not known.
    pub time_ns: i64,
    /// The length, in ns.
    pub duration_ns: i64,
    /// What is counted from one sample to the next: type, unit and number.
    pub period: (String, String, i64),
    /// The comments.
    pub comments: Vec<String>,
    /// All strings.
    pub strings: Vec<String>,
}

/// A sample, or several with the same stack and labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sample {
    /// The functions, root first, each with the path of its module if that is known.
    pub stack: Vec<(String, Option<String>)>,
    /// A number for each type.
    pub values: Vec<i64>,
    /// Labels that are texts.
    pub texts: BTreeMap<String, String>,
    /// Labels that are numbers.
    pub numbers: BTreeMap<String, i64>,
}

impl Sample {
    /// The comm and the stack as collapse prints them.
    pub fn folded(&self) -> String {
        let comm = self.texts["comm"].replace(' ', "_");
        let names = self.stack.iter().map(|(name, _)| name.as_str());
        let names = std::iter::once(comm.as_str()).chain(names).map(|name| name.replace(';', ":"));
        names.collect::<Vec<_>>().join(";")
    }

    /// Samples and ns.
    pub fn weights(&self) -> (u64, u64) {
        (self.values[0] as u64, self.values[1] as u64)
    }
}

/// A field of a message: its number, and a number or bytes.
type Field<'m> = (u64, Content<'m>);

#[derive(Clone, Copy)]
enum Content<'m> {
    Number(u64),
    Bytes(&'m [u8]),
}

#[track_caller]
fn number(message: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..70).step_by(7) {
        let (byte, rest) = message.split_first().expect("the number ends");
        *message = rest;
        number |= u64::from(byte & 127) << shift;
        if *byte < 128 {
            return number;
        }
    }
    panic!("a number of more than 64 bits");
}

#[track_caller]
fn fields(mut message: &[u8]) -> Vec<Field<'_>> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let key = number(&mut message);
        let content = match key & 7 {
            0 => Content::Number(number(&mut message)),
            2 => {
                let length = number(&mut message) as usize;
                let (bytes, rest) = message.split_at(length);
                message = rest;
                Content::Bytes(bytes)
            }
            wire => panic!("{wire} is no wire type of this format"),
        };
        fields.push((key >> 3, content));
    }
    fields
}

impl<'m> Content<'m> {
    #[track_caller]
    fn number(self) -> u64 {
        match self {
            Content::Number(number) => number,
            Content::Bytes(bytes) => panic!("{} bytes are no number", bytes.len()),
        }
    }

    #[track_caller]
    fn bytes(self) -> &'m [u8] {
        match self {
            Content::Bytes(bytes) => bytes,
            Content::Number(number) => panic!("{number} is no text and no message"),
        }
    }

    /// The numbers of a list, one after the other in one field.
    #[track_caller]
    fn numbers(self) -> Vec<u64> {
        let mut rest = self.bytes();
        let mut numbers = Vec::new();
        while !rest.is_empty() {
            numbers.push(number(&mut rest));
        }
        numbers
    }
}

/// The numbers of a message's fields, each of which must be one of `allowed` and occur once at
/// most.
#[track_caller]
fn numbers_of(message: &[u8], allowed: &[u64]) -> BTreeMap<u64, u64> {
    let mut numbers = BTreeMap::new();
    for (field, content) in fields(message) {
        assert!(allowed.contains(&field), "{field} is no field here");
        assert!(numbers.insert(field, content.number()).is_none(), "{field} twice");
    }
    numbers
}

/// Unpacks what was packed with gzip. Its header must have no name and no time (RFC 1952), so that
/// the same profile is always the same bytes.
#[track_caller]
fn unpack(packed: &[u8]) -> Vec<u8> {
    assert_eq!(packed[..8], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0], "the header of gzip");
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(packed).read_to_end(&mut bytes).expect("it unpacks");
    bytes
}

/// Reads a profile.
#[track_caller]
pub fn read(packed: &[u8]) -> Profile {
    let bytes = unpack(packed);
    let mut messages: BTreeMap<u64, Vec<&[u8]>> = BTreeMap::new();
    let mut numbers: BTreeMap<u64, u64> = BTreeMap::new();
    let mut comments = Vec::new();
    for (field, content) in fields(&bytes) {
        match field {
            1..=6 | 11 => messages.entry(field).or_default().push(content.bytes()),
            9 | 10 | 12 | 14 => assert!(numbers.insert(field, content.number()).is_none(), "{field} twice"),
            13 => comments.extend(content.numbers()),
            _ => panic!("{field} is no field of a profile"),
        }
    }
    let of = |field: u64| messages.get(&field).map(Vec::as_slice).unwrap_or_default();
    let one = |field: u64| numbers.get(&field).copied().unwrap_or(0);
    let tables = Tables::read(of(6), of(3), of(5), of(4));
    let period_type = numbers_of(of(11)[0], &[1, 2]);
    assert_eq!(of(11).len(), 1);
    let types: Vec<_> =
        of(1).iter().map(|message| tables.value_type(&numbers_of(message, &[1, 2]))).collect();
    let samples: Vec<Sample> = of(2).iter().map(|message| tables.sample(message, types.len())).collect();
    let (kind, unit) = tables.value_type(&period_type);
    let distinct: HashSet<_> = of(2).iter().map(|message| without_values(message)).collect();
    assert_eq!(distinct.len(), samples.len(), "what has the same stack and labels is added up");
    Profile {
        types,
        default_type: tables.text(one(14)).to_owned(),
        samples,
        time_ns: one(9) as i64,
        duration_ns: one(10) as i64,
        period: (kind, unit, one(12) as i64),
        comments: comments.into_iter().map(|index| tables.text(index).to_owned()).collect(),
        modules: tables.modules,
        strings: tables.strings,
    }
}

/// The bytes of a sample's locations and labels.
fn without_values(message: &[u8]) -> Vec<(u64, &[u8])> {
    fields(message)
        .into_iter()
        .filter(|(field, _)| *field != 2)
        .map(|(f, content)| (f, content.bytes()))
        .collect()
}

/// What samples refer to.
struct Tables {
    strings: Vec<String>,
    modules: Vec<(String, String)>,
    /// By id, less 1: the name of its function, and the path of its module.
    locations: Vec<(String, Option<String>)>,
}

impl Tables {
    #[track_caller]
    fn read(strings: &[&[u8]], mappings: &[&[u8]], functions: &[&[u8]], locations: &[&[u8]]) -> Tables {
        let strings: Vec<String> =
            strings.iter().map(|text| String::from_utf8(text.to_vec()).expect("UTF-8")).collect();
        assert_eq!(strings[0], "", "the first is empty");
        let mut tables = Tables { strings, modules: Vec::new(), locations: Vec::new() };
        for (mapping, id) in mappings.iter().zip(1..) {
            let mapping = numbers_of(mapping, &[1, 5, 6, 7]);
            assert_eq!((mapping[&1], mapping[&7]), (id, 1), "its id, and that it has functions");
            let build_id = tables.text(mapping.get(&6).copied().unwrap_or(0)).to_owned();
            tables.modules.push((tables.text(mapping[&5]).to_owned(), build_id));
        }
        let mut names = Vec::new();
        for (function, id) in functions.iter().zip(1..) {
            let function = numbers_of(function, &[1, 2, 3]);
            assert_eq!((function[&1], function[&2]), (id, function[&3]), "its id, and one name");
            names.push(tables.text(function[&2]).to_owned());
        }
        for (location, id) in locations.iter().zip(1..) {
            let mut numbers = BTreeMap::new();
            let mut lines = Vec::new();
            for (field, content) in fields(location) {
                match field {
                    1 | 2 => drop(numbers.insert(field, content.number())),
                    4 => lines.push(numbers_of(content.bytes(), &[1])[&1] as usize),
                    _ => panic!("{field} is no field of a location"),
                }
            }
            assert_eq!((numbers[&1], lines.len()), (id, 1), "its id, and one function");
            let module = numbers.get(&2).map(|id| tables.modules[*id as usize - 1].0.clone());
            tables.locations.push((names[lines[0] - 1].clone(), module));
        }
        let distinct: HashSet<_> = locations.iter().map(|location| fields(location).len()).collect();
        assert!(distinct.iter().all(|count| (2..=3).contains(count)));
        tables
    }

    #[track_caller]
    fn text(&self, index: u64) -> &str {
        &self.strings[index as usize]
    }

    #[track_caller]
    fn value_type(&self, numbers: &BTreeMap<u64, u64>) -> (String, String) {
        (self.text(numbers[&1]).to_owned(), self.text(numbers[&2]).to_owned())
    }

    #[track_caller]
    fn sample(&self, message: &[u8], types: usize) -> Sample {
        let mut sample = Sample::default();
        for (field, content) in fields(message) {
            match field {
                1 => {
                    let ids = content.numbers();
                    sample.stack = ids.iter().map(|id| self.locations[*id as usize - 1].clone()).collect();
                    sample.stack.reverse();
                }
                2 => sample.values = content.numbers().into_iter().map(|value| value as i64).collect(),
                3 => self.label(&numbers_of(content.bytes(), &[1, 2, 3, 4]), &mut sample),
                _ => panic!("{field} is no field of a sample"),
            }
        }
        assert_eq!(sample.values.len(), types);
        sample
    }

    #[track_caller]
    fn label(&self, label: &BTreeMap<u64, u64>, sample: &mut Sample) {
        let key = self.text(label[&1]).to_owned();
        assert!(!sample.texts.contains_key(&key) && !sample.numbers.contains_key(&key), "{key} twice");
        match label.get(&2) {
            Some(text) => {
                assert!(!label.contains_key(&3) && !label.contains_key(&4), "{key} is a text");
                sample.texts.insert(key, self.text(*text).to_owned());
            }
            None => {
                assert_eq!(self.text(label[&4]), "count", "readers drop a 0 without a unit");
                sample.numbers.insert(key, label.get(&3).copied().unwrap_or(0) as i64);
            }
        }
    }
}

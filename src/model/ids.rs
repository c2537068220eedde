//! Ids: small typed indices into the tables of a `Recording`.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// The id of the entry at `index`. Tables hold fewer than 2^32 entries, since each
            /// entry takes bytes of the file.
            pub fn from_index(index: usize) -> Self {
                $name(u32::try_from(index).expect("a table holds fewer than 2^32 entries"))
            }

            /// The index of the entry in its table.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

/// An id of which an `Option` takes 4 bytes too.
macro_rules! niche_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(std::num::NonZeroU32);

        impl $name {
            /// The id of the entry at `index`. Tables hold fewer than 2^32 - 1 entries, since each
            /// entry takes bytes of the file.
            pub fn from_index(index: usize) -> Self {
                let number = u32::try_from(index + 1).ok().and_then(std::num::NonZeroU32::new);
                $name(number.expect("a table holds fewer than 2^32 - 1 entries"))
            }

            /// The index of the entry in its table.
            pub fn index(self) -> usize {
                self.0.get() as usize - 1
            }
        }
    };
}

pub(crate) use niche_id;

id!(
    /// A name in [`Names`](crate::model::Names).
    NameId
);
id!(
    /// A [`Frame`](crate::model::Frame).
    FrameId
);
id!(
    /// A [`Function`](crate::model::Function).
    FunctionId
);
id!(
    /// A stack: a node of the [`StackTree`](crate::model::StackTree).
    StackId
);
id!(
    /// A [`Task`](crate::model::Task).
    TaskId
);
id!(
    /// A control group: its index in [`Recording::cgroups`](crate::model::Recording::cgroups).
    CgroupId
);
id!(
    /// An [`Event`](crate::model::Event): its index in
    /// [`About::events`](crate::model::About::events).
    EventId
);

niche_id!(
    /// A [`Module`](crate::model::Module).
    ModuleId
);

impl CgroupId {
    /// No control group is known. A sentinel instead of an `Option`, so that an id takes 4 bytes.
    pub const NONE: CgroupId = CgroupId(u32::MAX);
}

/// A file, by what stays the same whatever name it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileId {
    /// The device that it is on.
    pub device: u64,
    /// Its inode there.
    pub inode: u64,
}

impl From<&Metadata> for FileId {
    fn from(metadata: &Metadata) -> FileId {
        FileId { device: metadata.dev(), inode: metadata.ino() }
    }
}

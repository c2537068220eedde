//! Ids: small typed indices into the tables of a `Recording`.

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// The id of the entry at `index`; tables hold fewer than 2^32 entries, since each entry takes bytes of the file.
            pub fn from_index(index: usize) -> Self {
                $name(u32::try_from(index).expect("a table holds fewer than 2^32 entries"))
            }

            /// The position in its table.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

id!(
    /// A name in [`Names`](super::Names).
    NameId
);
id!(
    /// A [`Module`](super::Module).
    ModuleId
);
id!(
    /// A [`Frame`](super::Frame).
    FrameId
);
id!(
    /// A [`Function`](super::Function).
    FunctionId
);
id!(
    /// A stack: a node of the [`StackTree`](super::StackTree).
    StackId
);
id!(
    /// A [`Task`](super::Task).
    TaskId
);
id!(
    /// A control group, by its place in [`Recording::cgroups`](super::Recording::cgroups).
    CgroupId
);
id!(
    /// An [`Event`](super::Event), by its place in the recording's attributes.
    EventId
);

impl CgroupId {
    /// No control group is known. A sentinel and not an `Option`, so that it takes 4 bytes.
    pub const NONE: CgroupId = CgroupId(u32::MAX);
}

//! The colours of frames.
//!
//! They are from the palette of Okabe and Ito (Color Universal Design, 2008), which people with any
//! colour vision can tell apart. What stands out is also darker than the rest.

use inferno::flamegraph::color::Color;

use crate::analyses::flame::{Block, Class, Filler};
use crate::model::{NameId, Recording};

const VERMILLION: Color = Color { r: 213, g: 94, b: 0 };
const BLUE: Color = Color { r: 0, g: 114, b: 178 };
const ORANGE: Color = Color { r: 230, g: 159, b: 0 };
const GREEN: Color = Color { r: 0, g: 158, b: 115 };
const PURPLE: Color = Color { r: 204, g: 121, b: 167 };
/// Behind the picture.
pub const WHITE: Color = Color { r: 255, g: 255, b: 255 };
const LIGHT_GREY: Color = Color { r: 226, g: 226, b: 226 };
/// For frames without a colour of their own.
pub const GREY: Color = Color { r: 190, g: 190, b: 190 };
const DARK_GREY: Color = Color { r: 140, g: 140, b: 140 };
/// The end of inferno's scale of differences for frames with a greater share than in the rest of
/// the time.
pub const MORE: Color = Color { r: 255, g: 100, b: 100 };
/// The end for frames with a smaller share.
pub const LESS: Color = Color { r: 100, g: 100, b: 255 };

/// The meaning of a colour.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Functions of this class.
    Named(Class),
    /// Time without a function.
    Filler(Filler),
}

/// The kinds of frames, each with its name and colour, in the order of the legend.
pub const LEGEND: [(Kind, &str, Color); 9] = [
    (Kind::Named(Class::Dominating), "dominating path", VERMILLION),
    (Kind::Named(Class::Trigger), "trigger", BLUE),
    (Kind::Named(Class::Kernel), "kernel", ORANGE),
    (Kind::Named(Class::User), "user", GREEN),
    (Kind::Filler(Filler::Idle), "idle", LIGHT_GREY),
    (Kind::Filler(Filler::Lost), "lost", PURPLE),
    (Kind::Filler(Filler::Unsampled), "unsampled", GREY),
    (Kind::Filler(Filler::Narrow), "narrower", DARK_GREY),
    (Kind::Filler(Filler::Deeper), "deeper", DARK_GREY),
];

/// The kind of a block.
pub fn kind(block: Block) -> Kind {
    match block {
        Block::Named(_, class) => Kind::Named(class),
        Block::Filler(filler) => Kind::Filler(filler),
    }
}

/// The colour of a block. Fillers have the colour of their kind; of the others, those that stand
/// out are dark and the rest pale.
pub fn colour(recording: &Recording, block: Block) -> Color {
    let block_kind = kind(block);
    let full = LEGEND.iter().find(|(kind, ..)| *kind == block_kind).map_or(GREY, |&(.., colour)| colour);
    match block {
        Block::Filler(_) => full,
        Block::Named(name, Class::Dominating) => tint(full, 85 + shade(recording, name) / 2),
        Block::Named(name, Class::Trigger) => tint(full, 65 + shade(recording, name) / 2),
        Block::Named(name, Class::Kernel | Class::User) => tint(full, 20 + shade(recording, name)),
    }
}

/// A number below 25 that depends on the name alone, so that frames differ from their neighbours
/// and each function looks the same everywhere.
fn shade(recording: &Recording, name: NameId) -> u32 {
    recording.name(name).bytes().fold(7, |sum: u32, byte| sum.wrapping_mul(31).wrapping_add(byte.into())) % 25
}

/// Mixes this many percent of a colour with white.
pub fn tint(colour: Color, percent: u32) -> Color {
    let mix = |part: u8| (255 - (255 - u32::from(part)) * percent / 100) as u8;
    Color { r: mix(colour.r), g: mix(colour.g), b: mix(colour.b) }
}

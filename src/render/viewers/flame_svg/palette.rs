//! The colours of frames.
//!
//! They are from the palette of Okabe and Ito (Color Universal Design, 2008), which people with any
//! colour vision can tell apart. What stands out is also darker than the rest. The legend has each
//! colour that a frame may have.

use inferno::flamegraph::color::Color;

use crate::analyses::flame::{Block, Class, Filler};
use crate::model::{NameId, Recording};

const VERMILLION: Color = Color { r: 213, g: 94, b: 0 };
const BLUE: Color = Color { r: 0, g: 114, b: 178 };
const ORANGE: Color = Color { r: 230, g: 159, b: 0 };
const GREEN: Color = Color { r: 0, g: 158, b: 115 };
const YELLOW: Color = Color { r: 240, g: 228, b: 66 };
const PURPLE: Color = Color { r: 204, g: 121, b: 167 };
/// Behind the picture.
pub const WHITE: Color = Color { r: 255, g: 255, b: 255 };
const LIGHT_GREY: Color = Color { r: 226, g: 226, b: 226 };
/// For frames without a colour of their own.
pub const GREY: Color = Color { r: 190, g: 190, b: 190 };
const DARK_GREY: Color = Color { r: 140, g: 140, b: 140 };
/// The meaning of a colour.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Functions of this class.
    Named(Class),
    /// Time without a function.
    Filler(Filler),
}

/// The kinds of frames in the order of the legend, each with its name, its colour, and the percents
/// of that colour in its shades.
pub const LEGEND: [(Kind, &str, Color, &[u32]); 11] = [
    (Kind::Named(Class::Dominating), "dominating path", VERMILLION, &[84, 91, 98]),
    (Kind::Filler(Filler::InterruptsOff), "interrupts off", YELLOW, FULL),
    (Kind::Filler(Filler::Machine), "machine stood still", YELLOW, &[45]),
    (Kind::Named(Class::Trigger), "trigger", BLUE, &[58, 65, 72]),
    (Kind::Named(Class::Kernel), "kernel", ORANGE, &[18, 30, 42]),
    (Kind::Named(Class::User), "user", GREEN, &[18, 30, 42]),
    (Kind::Filler(Filler::Idle), "idle", LIGHT_GREY, FULL),
    (Kind::Filler(Filler::Lost), "lost", PURPLE, FULL),
    (Kind::Filler(Filler::Unsampled), "unsampled", GREY, FULL),
    (Kind::Filler(Filler::Narrow), "narrower", DARK_GREY, FULL),
    (Kind::Filler(Filler::Deeper), "deeper", DARK_GREY, FULL),
];
const FULL: &[u32] = &[100];

/// The kind of a block.
pub fn kind(block: Block) -> Kind {
    match block {
        Block::Named(_, class) => Kind::Named(class),
        Block::Filler(filler) => Kind::Filler(filler),
    }
}

/// The colours of a kind, the palest first; none if it is not in the legend.
pub fn shades(kind: Kind) -> impl Iterator<Item = Color> {
    let row = LEGEND.iter().find(|(other, ..)| *other == kind);
    row.into_iter().flat_map(|(_, _, colour, shades)| shades.iter().map(|percent| tint(*colour, *percent)))
}

/// The colour of a block: a shade of its kind that depends on the name alone, so that frames differ
/// from their neighbours and each function looks the same everywhere.
pub fn colour(recording: &Recording, block: Block) -> Color {
    let shades: Vec<Color> = shades(kind(block)).collect();
    let shade = match block {
        Block::Named(name, _) => sum(recording, name) % shades.len().max(1),
        Block::Filler(_) => 0,
    };
    shades.get(shade).copied().unwrap_or(GREY)
}

/// A number that depends on the name alone.
fn sum(recording: &Recording, name: NameId) -> usize {
    let bytes = recording.name(name).bytes();
    bytes.fold(7, |sum: u32, byte| sum.wrapping_mul(31).wrapping_add(byte.into())) as usize
}

/// How many steps a differential's scale has in each direction.
pub const STEPS: i32 = 4;

/// The colour of a step in a differential. Frames with a greater share than in the rest of the time
/// are the ones to look at: theirs is the darkest.
pub fn difference(step: i32) -> Color {
    match step {
        0 => tint(GREY, 25),
        1.. => tint(VERMILLION, 10 + 85 * step.min(STEPS) as u32 / STEPS as u32),
        _ => tint(BLUE, 8 + 32 * (-step).min(STEPS) as u32 / STEPS as u32),
    }
}

/// Mixes this many percent of a colour with white.
pub fn tint(colour: Color, percent: u32) -> Color {
    let mix = |part: u8| (255 - (255 - u32::from(part)) * percent / 100) as u8;
    Color { r: mix(colour.r), g: mix(colour.g), b: mix(colour.b) }
}

//! All that PortGuard has in this kernel: the generation that enforces, those that it took over from, the interfaces.
//!
//! Nothing here ever opens an interface that stays in the site: a new generation takes the old one's place between two
//! packets, and where anything fails on the way there the old one goes on.

use std::{collections::BTreeMap, path::Path, time::Duration};

use nix::net::if_::if_nameindex;
use rustix::thread::MembarrierCommand;

use super::{
    AttachedMode, Change, DatapathError, Guarded, Link, Loaded, Present, ProgramLog, attach,
    bpffs::{PinDirectory, remove_tree},
    generation::{self, Generation},
    record,
};
use crate::matrix::{Direction, Hook};

/// The number of an interface, and where on it: while it goes over from one hook to the other, it is guarded at both.
type Place = (u32, Hook);

/// What PortGuard has in this kernel.
pub struct Filter {
    pins: PinDirectory,
    /// Those that can be read.
    generations: BTreeMap<u64, Generation>,
    /// Those that can't be.
    unreadable: Vec<u64>,
    /// The one that enforces.
    current: Option<u64>,
    guarded: BTreeMap<Place, Guarded>,
    ledger: Option<(u64, Vec<u8>)>,
}

impl Filter {
    /// Takes over what is pinned in the BPF file system `bpffs` (nothing, the first time) and says what it found to be
    /// otherwise than it should be.
    pub fn open(bpffs: &Path, present: &[Present]) -> Result<(Self, Vec<Change>), DatapathError> {
        let mut changes = Vec::new();
        let mut filter = Self {
            pins: PinDirectory::open(bpffs)?,
            generations: BTreeMap::new(),
            unreadable: Vec::new(),
            current: None,
            guarded: BTreeMap::new(),
            ledger: None,
        };
        filter.find_ledger()?;
        filter.find_generations(&mut changes)?;
        filter.find_links(present, &mut changes)?;
        filter.catch_up(&mut changes)?;
        filter.forget_counted()?;
        Ok((filter, changes))
    }

    /// Takes the filter off every interface and leaves nothing. `false`: there was nothing.
    pub fn remove(bpffs: &Path) -> Result<bool, DatapathError> {
        match PinDirectory::find(bpffs)? {
            Some(pins) => remove(pins).map(|()| true),
            None => Ok(false),
        }
    }

    /// The same for what is held.
    pub fn detach(mut self) -> Result<(), DatapathError> {
        // A link goes with this process, a filter by its pin alone: somebody may have removed that.
        for guarded in self.guarded.values_mut().filter(|guarded| guarded.hook() == Hook::Clsact) {
            guarded.pin_again(&self.pins)?;
        }
        remove(self.pins)
    }

    /// The generation that enforces.
    pub fn current(&self) -> Option<&Generation> {
        self.current.and_then(|number| self.generations.get(&number))
    }

    /// The generations that another has taken over from, oldest first: they count no more, and their counts are still to
    /// be [entered](Self::enter).
    pub fn retired(&self) -> impl Iterator<Item = &Generation> {
        self.generations.values().filter(|generation| Some(generation.number()) != self.current)
    }

    /// The interfaces that are guarded, by number.
    pub fn guarded(&self) -> impl Iterator<Item = &Guarded> {
        self.guarded_towards(Direction::In)
    }

    /// Those whose packets that go this way are guarded.
    pub fn guarded_towards(&self, direction: Direction) -> impl Iterator<Item = &Guarded> {
        self.guarded.values().filter(move |guarded| guarded.hook().direction() == direction)
    }

    /// The interfaces whose link is pinned no more: the end of this process opens them.
    pub fn unpinned(&self) -> impl Iterator<Item = &Guarded> {
        self.guarded.values().filter(|guarded| !self.pins.link(guarded.hook(), guarded.index).exists())
    }

    /// What was last [entered](Self::enter).
    pub fn ledger(&self) -> Option<&[u8]> {
        self.ledger.as_ref().map(|(_, bytes)| bytes.as_slice())
    }

    /// Waits until no packet is under way in a [retired](Self::retired) generation, whose counts are final then.
    pub fn settle(&self) {
        // The command ends when every CPU has left the sections in which programs run (`synchronize_rcu`).
        if rustix::thread::membarrier(MembarrierCommand::Global).is_err() {
            // Refused where CPUs run without a tick (nohz_full): no driver holds a packet that long.
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Keeps `bytes` as the ledger, in which the counts of the retired generations up to number `last` stand from now on,
    /// and lets those generations go. Cut short anywhere, no count is lost and none entered twice.
    pub fn enter(&mut self, last: u64, bytes: Vec<u8>) -> Result<(), DatapathError> {
        record::write(&self.pins.ledger(last), &bytes)?;
        self.ledger = Some((last, bytes));
        self.forget_counted()
    }

    /// Begins another epoch of the table of drops; the number of the one that has ended, in which nothing is noted any more.
    pub fn turn(&mut self) -> Result<Option<u32>, DatapathError> {
        let current = self.current.and_then(|number| self.generations.get_mut(&number));
        let Some(drops) = current.map(Generation::drops_mut) else { return Ok(None) };
        let ended = drops.turn()?;
        self.settle();
        Ok(Some(ended))
    }

    /// What the program of the generation that enforces says, where it does; once.
    pub fn take_log(&mut self) -> Option<ProgramLog> {
        let current = self.current.and_then(|number| self.generations.get_mut(&number));
        current.and_then(Generation::take_log)
    }

    /// Makes room where epoch `number` of the generation that enforces was noted.
    pub fn clear(&mut self, number: u32) -> Result<(), DatapathError> {
        let current = self.current.and_then(|number| self.generations.get_mut(&number));
        current.map_or(Ok(()), |current| current.drops_mut().clear(number))
    }

    /// Makes `loaded` the generation that enforces, on the interfaces `wanted` and no others. `words` are kept with it.
    ///
    /// Says which interfaces were let go of. After an error the generation that enforced does so still, on the interfaces that
    /// it had.
    pub fn replace(
        &mut self,
        loaded: Loaded,
        wanted: &[Link],
        words: String,
    ) -> Result<Vec<Change>, DatapathError> {
        let number = self.next_number()?;
        let mut next = Generation::pin(loaded, number, words, &self.pins)?;
        if let Err(error) = self.swap(&mut next, wanted) {
            drop(next);
            generation::unpin(number, &self.pins)?;
            return Err(error);
        }
        self.generations.insert(number, next);
        self.current = Some(number);
        let changes = self.release_unwanted(wanted)?;
        // Nothing of an unreadable generation is in use any more.
        for number in std::mem::take(&mut self.unreadable) {
            generation::unpin(number, &self.pins)?;
        }
        Ok(changes)
    }

    /// Lets go of all places but those of `wanted`; of the interfaces that have none any more it is told.
    fn release_unwanted(&mut self, wanted: &[Link]) -> Result<Vec<Change>, DatapathError> {
        let unwanted = |place: &Place| !wanted.iter().any(|link| self.place_of(link) == Some(*place));
        let unwanted: Vec<Place> = self.guarded.keys().copied().filter(unwanted).collect();
        let mut names = BTreeMap::new();
        for place in unwanted {
            names.extend(self.guarded.get(&place).map(|guarded| (place.0, guarded.name.clone())));
            self.release(place)?;
        }
        names.retain(|&index, _| !self.guarded.keys().any(|place| place.0 == index));
        Ok(names
            .into_iter()
            .map(|(index, known)| match name_of(index, &known) {
                Some(interface) => Change::Released { interface },
                None => Change::Gone { interface: known },
            })
            .collect())
    }

    /// Looks after the interfaces: guards those of `wanted` that are not, lets go of those that are gone, puts back what
    /// was taken off or unpinned. `present` are all there are.
    pub fn tend(&mut self, wanted: &[Link], present: &[Present]) -> Result<Vec<Change>, DatapathError> {
        let mut changes = Vec::new();
        for place in self.guarded.keys().copied().collect::<Vec<_>>() {
            if !self.still_guarded(place, present, &mut changes)? {
                self.release(place)?;
            }
        }
        for link in wanted {
            if self.place_of(link).is_none() {
                changes.push(self.guard(link)?);
            } else if !self.knows_parts(link)? {
                changes.push(Change::NoPlace { interface: link.name.clone() });
            }
        }
        self.leave_unwanted(wanted)?;
        Ok(changes)
    }

    /// Ends what a replacement has left behind that was cut short: on interfaces that stay guarded, places that are not wanted any
    /// more. What comes in is guarded at the other place by then; what leaves is not to be judged.
    fn leave_unwanted(&mut self, wanted: &[Link]) -> Result<(), DatapathError> {
        let stands_in = |place: &Place, link: &Link| {
            let (index, hook) = *place;
            let towards =
                hook.direction() == link.placement.direction() || hook.direction() == Direction::Out;
            link.index == index && towards && self.place_of(link).is_some()
        };
        let is_left = |place: &Place| {
            !wanted.iter().any(|link| self.place_of(link) == Some(*place))
                && wanted.iter().any(|link| stands_in(place, link))
        };
        let left: Vec<Place> = self.guarded.keys().copied().filter(is_left).collect();
        left.into_iter().try_for_each(|place| self.release(place))
    }

    fn find_ledger(&mut self) -> Result<(), DatapathError> {
        if let Some(number) = self.pins.ledgers()?.pop() {
            self.ledger = Some((number, record::read(&self.pins.ledger(number))?));
        }
        Ok(())
    }

    fn find_generations(&mut self, changes: &mut Vec<Change>) -> Result<(), DatapathError> {
        for number in self.pins.generations()? {
            if !generation::is_whole(number, &self.pins) {
                generation::unpin(number, &self.pins)?;
                changes.push(Change::HalfMade { generation: number });
                continue;
            }
            match Generation::open(number, &self.pins) {
                Ok(generation) => {
                    self.generations.insert(number, generation);
                }
                Err(DatapathError::NotPermitted) => return Err(DatapathError::NotPermitted),
                Err(error) => {
                    self.unreadable.push(number);
                    changes.push(Change::Unreadable { generation: number, why: error.whole_story() });
                }
            }
        }
        self.current = self.generations.keys().next_back().copied();
        Ok(())
    }

    fn find_links(&mut self, present: &[Present], changes: &mut Vec<Change>) -> Result<(), DatapathError> {
        for hook in Hook::ALL {
            for index in self.pins.links(hook)? {
                self.find_link((index, hook), present, changes)?;
            }
        }
        Ok(())
    }

    fn find_link(
        &mut self,
        (index, hook): Place,
        present: &[Present],
        changes: &mut Vec<Change>,
    ) -> Result<(), DatapathError> {
        let interface = present.iter().find(|interface| interface.index == index);
        let name = interface.map_or_else(|| format!("#{index}"), |interface| interface.name.clone());
        let on = interface.and_then(|interface| interface.program);
        let mode = match hook {
            Hook::Xdp => on.map_or(AttachedMode::Generic, |on| on.mode),
            Hook::Tcx => AttachedMode::Tcx,
            Hook::Egress => AttachedMode::Egress,
            Hook::Clsact => AttachedMode::Clsact,
        };
        let guarded = Guarded::open(index, name.clone(), mode, hook, &self.pins).and_then(|guarded| {
            // A link whose interface is gone still names its program; the interface with that number may be another.
            let same = interface.map_or(Ok(false), |interface| guarded.is_on(interface))?;
            Ok(same.then_some(guarded))
        });
        match guarded {
            Ok(Some(guarded)) => {
                self.guarded.insert((index, hook), guarded);
                return Ok(());
            }
            Ok(None) if interface.is_some() => changes.push(Change::TakenOff { interface: name }),
            Ok(None) => changes.push(Change::Gone { interface: name }),
            // Something filters there, and the pin may be all that holds it: whoever can't open it leaves it.
            Err(error) if on.is_some() || (hook != Hook::Xdp && interface.is_some()) => return Err(error),
            Err(error) => changes.push(Change::Unguarded { interface: name, why: error.whole_story() }),
        }
        attach::release(hook, index, &self.pins)
    }

    /// Finishes a replacement that was cut short.
    fn catch_up(&mut self, changes: &mut Vec<Change>) -> Result<(), DatapathError> {
        let Some(current) = self.current.and_then(|number| self.generations.get_mut(&number)) else {
            return Ok(());
        };
        for guarded in self.guarded.values_mut() {
            // Without a program there, another hook is wanted, and is taken care of when the interfaces are looked after.
            let Some(program) = current.program_id(guarded.hook()) else { continue };
            if guarded.program_id()? != program {
                match guarded.move_to(current, &self.pins) {
                    Ok(()) => changes.push(Change::CaughtUp { interface: guarded.name.clone() }),
                    // It went just now, and is let go of at the next look.
                    Err(DatapathError::Defunct) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// Removes generations whose counts are in the ledger, and ledgers that a later one has followed.
    fn forget_counted(&mut self) -> Result<(), DatapathError> {
        let Some((last, _)) = self.ledger else { return Ok(()) };
        let counted = |number: &u64| *number <= last && Some(*number) != self.current;
        for number in self.generations.keys().copied().filter(counted).collect::<Vec<_>>() {
            self.generations.remove(&number);
            generation::unpin(number, &self.pins)?;
        }
        for number in self.pins.ledgers()?.into_iter().filter(|&number| number < last) {
            remove_tree(&self.pins.ledger(number))?;
        }
        Ok(())
    }

    fn next_number(&self) -> Result<u64, DatapathError> {
        let pinned = self.pins.generations()?.pop();
        // Held, even where somebody has taken the pins away.
        let held = self.generations.keys().next_back().copied();
        let entered = self.ledger.as_ref().map(|(number, _)| *number);
        Ok(pinned.max(held).max(entered).map_or(1, |number| number + 1))
    }

    /// Puts `next` on all of `wanted`: on new interfaces first, since that is easily undone.
    fn swap(&mut self, next: &mut Generation, wanted: &[Link]) -> Result<(), DatapathError> {
        let mut fresh = Vec::new();
        for link in wanted {
            match attach_best(next, link, &self.guarded, &self.pins) {
                Ok(Some(guarded)) => fresh.push(guarded),
                // It went while it was about to be guarded; nothing is left to guard.
                Ok(None) | Err(DatapathError::Vanished { .. }) => {}
                Err(error) => return Err(self.undo(fresh, &[], error)),
            }
        }
        let mut moved = Vec::new();
        // Those that are not wanted are let go of in a moment.
        let wanted = |place: &Place| wanted.iter().any(|link| places_of(link).any(|other| other == *place));
        for (&place, guarded) in self.guarded.iter_mut().filter(|(place, _)| wanted(place)) {
            match guarded.move_to(next, &self.pins) {
                Ok(()) => moved.push(place),
                Err(DatapathError::Defunct) => {}
                Err(error) => return Err(self.undo(fresh, &moved, error)),
            }
        }
        self.guarded.extend(fresh.into_iter().map(|guarded| ((guarded.index, guarded.hook()), guarded)));
        Ok(())
    }

    /// Takes the program off `fresh` and gives `moved` back to the generation that enforces; what can't be done is told
    /// with `error`, which led to it.
    fn undo(&mut self, fresh: Vec<Guarded>, moved: &[Place], error: DatapathError) -> DatapathError {
        let mut failed = None;
        for guarded in fresh {
            failed = attach::release(guarded.hook(), guarded.index, &self.pins).err().or(failed);
        }
        let current = self.current.and_then(|number| self.generations.get_mut(&number));
        if let Some(current) = current {
            for place in moved {
                let guarded = self.guarded.get_mut(place).expect("it was moved");
                failed = guarded.move_to(current, &self.pins).err().or(failed);
            }
        }
        match failed {
            Some(second) => DatapathError::Undo { first: Box::new(error), second: Box::new(second) },
            None => error,
        }
    }

    fn guard(&mut self, link: &Link) -> Result<Change, DatapathError> {
        let interface = link.name.clone();
        // Before a place is looked for: the next generation would have none for it either.
        if let Err(error) = attach::check_ethernet(link) {
            return Ok(Change::Unguarded { interface, why: error.whole_story() });
        }
        let Some(current) = self.current.and_then(|number| self.generations.get_mut(&number)) else {
            return Ok(Change::NoPlace { interface });
        };
        if !current.admit(link)? {
            return Ok(Change::NoPlace { interface });
        }
        let attached = attach_best(current, link, &self.guarded, &self.pins);
        Ok(match attached {
            Ok(guarded) => {
                let guarded = guarded.expect("none of its places is guarded");
                let mode = guarded.mode;
                self.guarded.insert((guarded.index, guarded.hook()), guarded);
                Change::Guarded { interface, mode }
            }
            Err(DatapathError::Vanished { .. }) => Change::Gone { interface },
            Err(error) => Change::Unguarded { interface, why: error.whole_story() },
        })
    }

    /// Whether the generation that enforces knows the parts of a guarded interface, or does from now on.
    fn knows_parts(&mut self, link: &Link) -> Result<bool, DatapathError> {
        let current = self.current.and_then(|number| self.generations.get_mut(&number));
        match current {
            Some(current) if !link.parts.is_empty() => current.admit(link),
            _ => Ok(true),
        }
    }

    /// Whether an interface is there and has our program still.
    fn still_guarded(
        &mut self,
        place: Place,
        present: &[Present],
        changes: &mut Vec<Change>,
    ) -> Result<bool, DatapathError> {
        let (index, hook) = place;
        let pin = self.pins.link(hook, index);
        let guarded = self.guarded.get_mut(&place).expect("the place is one of the map's");
        let interface = guarded.name.clone();
        let Some(found) = present.iter().find(|found| found.index == index) else {
            // A list that the kernel made while interfaces came and went may lack one that is there.
            if name_of(index, &interface).is_some() {
                return Ok(true);
            }
            changes.push(Change::Gone { interface });
            return Ok(false);
        };
        if !guarded.is_on(found)? {
            changes.push(Change::TakenOff { interface });
            return Ok(false);
        }
        if !pin.exists() {
            let interface = interface.clone();
            changes.push(match guarded.pin_again(&self.pins) {
                Ok(()) => Change::PinRestored { interface },
                Err(error) => Change::Unpinned { interface, why: error.whole_story() },
            });
        }
        if found.name != interface {
            guarded.name.clone_from(&found.name);
            changes.push(Change::Renamed { from: interface, to: found.name.clone() });
        }
        Ok(true)
    }

    /// Lets go of an interface: its link goes with the pin and the descriptor.
    fn release(&mut self, place: Place) -> Result<(), DatapathError> {
        self.guarded.remove(&place);
        let (index, hook) = place;
        attach::release(hook, index, &self.pins)
    }

    /// The best place that is guarded of those that `link` may have.
    fn place_of(&self, link: &Link) -> Option<Place> {
        places_of(link).find(|place| self.guarded.contains_key(place))
    }
}

/// The places that `link` may have, the best first.
fn places_of(link: &Link) -> impl Iterator<Item = Place> {
    link.placement.hooks().iter().map(|&hook| (link.index, hook))
}

/// Puts `generation` on an interface at the best place that `link` may have and the kernel has. None: it is guarded at that already.
fn attach_best(
    generation: &mut Generation,
    link: &Link,
    guarded: &BTreeMap<Place, Guarded>,
    pins: &PinDirectory,
) -> Result<Option<Guarded>, DatapathError> {
    let mut missing = None;
    for place in places_of(link) {
        if guarded.contains_key(&place) {
            return Ok(None);
        }
        match attach::attach(generation, link, place.1, pins) {
            Err(error @ DatapathError::NoTcx { .. }) => missing = Some(error),
            attached => return attached.map(Some),
        }
    }
    Err(missing.expect("a link has a place"))
}

/// Removes all that is pinned, and what no pin holds before it.
fn remove(pins: PinDirectory) -> Result<(), DatapathError> {
    attach::release_filters(&pins)?;
    pins.remove()
}

/// What the interface that was `known` by another name, perhaps, is called now. None: it is gone. What can't be found out is taken
/// for a yes: nobody is let go by mistake.
pub(super) fn name_of(index: u32, known: &str) -> Option<String> {
    let Ok(all) = if_nameindex() else { return Some(known.to_owned()) };
    let found = all.iter().find(|interface| interface.index() == index)?;
    Some(found.name().to_string_lossy().into_owned())
}

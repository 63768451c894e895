//! A site file with suggestions in it: a copy for `portguard diff`, with all that the file says of itself left as it is.

use thiserror::Error;
use toml_edit::{DocumentMut, InlineTable, Item, Table, TableLike, TomlError, Value, array};

use super::Suggestions;

/// Why nothing can be pasted.
#[derive(Debug, Error)]
pub enum PasteError {
    /// The file is no TOML.
    #[error("the site file is no TOML")]
    Site(#[from] TomlError),
    /// It has something else where a table must be.
    #[error("`{0}` of the site file is no table")]
    NoTable(String),
}

/// `site` with `suggestions` in it.
pub fn paste(site: &str, suggestions: &Suggestions) -> Result<String, PasteError> {
    let mut site: DocumentMut = site.parse()?;
    let new: DocumentMut = suggestions.to_string().parse()?;
    if let Some(groups) = new.get("groups").and_then(Item::as_table) {
        merge(below(site.as_table_mut(), "groups")?, groups);
    }
    if let Some(products) = new.get("products").and_then(Item::as_table_like) {
        for (product, of_product) in products.iter() {
            let Some(roles) = of_product.get("roles").and_then(Item::as_table) else { continue };
            let products = below(site.as_table_mut(), "products")?;
            merge(below(below(products, product)?, "roles")?, roles);
        }
    }
    let rules =
        new.get("rules").and_then(Item::as_array_of_tables).into_iter().flat_map(|rules| rules.iter());
    for rule in rules {
        match site.entry("rules").or_insert_with(array) {
            Item::ArrayOfTables(rules) => {
                let mut rule = rule.clone();
                // Where it stands in the file is not where it stood among the suggestions.
                rule.set_position(None);
                rules.push(rule);
            }
            Item::Value(Value::Array(rules)) => rules.push(values(rule).collect::<InlineTable>()),
            _ => return Err(PasteError::NoTable("rules".to_owned())),
        }
    }
    Ok(site.to_string())
}

/// The table `key` of `table`, which is made where there is none.
fn below<'t>(table: &'t mut dyn TableLike, key: &str) -> Result<&'t mut dyn TableLike, PasteError> {
    let item = table.entry(key).or_insert_with(|| Item::Table(Table::new()));
    item.as_table_like_mut().ok_or_else(|| PasteError::NoTable(key.to_owned()))
}

fn merge(into: &mut dyn TableLike, from: &Table) {
    for (key, value) in from {
        into.insert(key, value.clone());
    }
}

fn values(table: &Table) -> impl Iterator<Item = (String, Value)> {
    table.iter().filter_map(|(key, item)| Some((key.to_owned(), item.as_value()?.clone())))
}

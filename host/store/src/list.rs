//! Lists (`contract/http.md` section 7): what can be listed is described once,
//! as data. The edge reads the parameters of a request by that description, the
//! store makes SQL of it.

use uuid::Uuid;

use crate::{Conn, Error, Row, Value, tenants};

/// A list that clients may ask for.
#[derive(Debug)]
pub struct List {
    /// What it can be sorted by: the name that clients use, the default first,
    /// and what it is in SQL.
    pub sort: &'static [(&'static str, &'static str)],
    /// What it can be narrowed by.
    pub filters: &'static [Filter],
    /// What `search` looks at.
    pub(crate) search: &'static [Searched],
    pub(crate) columns: &'static str,
    pub(crate) from: &'static str,
    /// Distinguishes rows that are equal otherwise, so that pages do not overlap.
    pub(crate) key: &'static str,
}

/// A parameter that narrows a list.
#[derive(Debug)]
pub struct Filter {
    /// The name that clients use.
    pub name: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// A condition; `{}` is the value. Empty where the list itself writes it.
    pub(crate) sql: &'static str,
}

/// The values of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text, compared exactly.
    Text,
    /// The same; an empty one narrows nothing.
    NonEmptyText,
    /// A truth value.
    Flag,
    /// An instant.
    Time,
    /// Texts of which one is to be equal: as often as the parameter is given,
    /// but not more often than this.
    Texts(usize),
}

/// Text that a search looks at.
#[derive(Debug)]
pub(crate) enum Searched {
    /// A column of the row.
    Column(&'static str),
    /// A column of rows that belong to it: a condition in which `{}` says that
    /// the column matches.
    Others(&'static str, &'static str),
}

/// What a request asks of a list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ListQuery {
    /// Names of [`List::filters`] with the wanted values.
    pub filters: Vec<(&'static str, Value)>,
    /// Words to be searched.
    pub search: Option<String>,
    /// A name of [`List::sort`]; none: the default.
    pub order: Option<&'static str>,
    /// Which way.
    pub direction: Direction,
    /// Rows of the page; none: all.
    pub limit: Option<u64>,
    /// Rows before the page.
    pub offset: u64,
    /// The rows in scope, if they were counted already: to count them is most of
    /// the work of a short page.
    pub total: Option<u64>,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The rows of the page.
    pub items: Vec<T>,
    /// Rows in scope, whatever the filters.
    pub total: u64,
    /// Rows that match the filters and the search.
    pub filtered: u64,
}

/// Which way a list is sorted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Direction {
    /// Smallest first, NULL last.
    #[default]
    Asc,
    /// Largest first, NULL first.
    Desc,
}

/// The tenants whose rows are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tenants {
    /// One.
    Only(Uuid),
    /// One and everything below it.
    Subtree(Uuid),
}

/// A condition that is being written, with the values of its parameters.
#[derive(Debug, Default)]
pub(crate) struct Sql {
    pub params: Vec<Value>,
    /// Conditions that narrow a list beside those of its description.
    pub filters: Vec<String>,
}

// === impl List ===

impl List {
    /// The page that `query` asks for among the rows that fulfil `scope`, a
    /// condition written with `sql`; and the counts: two statements, fewer where
    /// one can be told from the other.
    pub(crate) fn page<T>(
        &self,
        conn: &mut dyn Conn,
        mut sql: Sql,
        scope: &str,
        query: &ListQuery,
        read: impl Fn(&Row) -> Result<T, Error>,
    ) -> Result<Page<T>, Error> {
        let filters = self.conditions(&*conn, query, &mut sql);
        let (total, filtered) = match (query.total, &*filters) {
            (Some(total), []) => (total, total),
            _ => self.counts(conn, &sql, scope, &filters)?,
        };
        let order = query.order.and_then(|order| self.sort.iter().find(|(name, _)| *name == order));
        let order = order.or(self.sort.first()).map_or_else(String::new, |(_, column)| {
            format!("{column} {}, ", query.direction.sql())
        });
        // Along with the column, so that an index gives both.
        let way = query.direction.word();
        // SQLite would prepare the statement anew for each bare number.
        let limit = sql.add(count(query.limit.unwrap_or(u64::MAX)));
        let offset = sql.add(count(query.offset));
        let Self { columns, from, key, .. } = self;
        let filters: String = filters.iter().map(|filter| format!(" AND {filter}")).collect();
        let text = format!(
            "SELECT {columns} FROM {from} WHERE {scope}{filters} \
             ORDER BY {order}{key} {way} \
             LIMIT CAST({limit} AS bigint) OFFSET CAST({offset} AS bigint)"
        );
        let mut items = Vec::new();
        conn.each(&text, &sql.params, &mut |row| {
            items.push(read(&row)?);
            Ok(())
        })?;
        Ok(Page { items, total, filtered })
    }

    fn counts(
        &self,
        conn: &mut dyn Conn,
        sql: &Sql,
        scope: &str,
        filters: &[String],
    ) -> Result<(u64, u64), Error> {
        let from = self.from;
        let filtered = match filters {
            [] => "NULL".to_owned(),
            filters => format!("count(CASE WHEN {} THEN 1 END)", filters.join(" AND ")),
        };
        let text = format!("SELECT count(*), {filtered} FROM {from} WHERE {scope}");
        let rows = conn.query(&text, &sql.params)?;
        let Some(row) = rows.first() else { return Ok((0, 0)) };
        let total = u64::try_from(row.int(0)?).unwrap_or(0);
        let filtered = row.opt_int(1)?.map(|count| u64::try_from(count).unwrap_or(0));
        Ok((total, filtered.unwrap_or(total)))
    }

    fn conditions(&self, conn: &dyn Conn, query: &ListQuery, sql: &mut Sql) -> Vec<String> {
        let mut conditions = std::mem::take(&mut sql.filters);
        for (name, value) in &query.filters {
            let filter = self.filters.iter().find(|filter| filter.name == *name);
            if let Some(filter) = filter.filter(|filter| !filter.sql.is_empty()) {
                conditions.push(filter.condition(conn, value, sql));
            }
        }
        let pattern = query.search.as_deref().and_then(search_pattern);
        if let Some(pattern) = pattern.filter(|_| !self.search.is_empty()) {
            let pattern = sql.add(pattern);
            let each = self.search.iter().map(|searched| searched.condition(conn, &pattern));
            conditions.push(format!("({})", each.collect::<Vec<_>>().join(" OR ")));
        }
        conditions
    }
}

// === impl Filter ===

impl Filter {
    /// One that is named like what it compares.
    pub(crate) const fn text(name: &'static str, sql: &'static str) -> Self {
        Self { name, kind: Kind::Text, sql }
    }

    /// A condition; that of [`Kind::Texts`] is a column.
    fn condition(&self, conn: &dyn Conn, value: &Value, sql: &mut Sql) -> String {
        let parameter = sql.add(value.clone());
        match self.kind {
            Kind::Texts(_) => conn.dialect().in_list(self.sql, &parameter),
            _ => self.sql.replace("{}", &parameter),
        }
    }
}

// === impl Searched ===

impl Searched {
    fn condition(&self, conn: &dyn Conn, pattern: &str) -> String {
        let (Self::Column(column) | Self::Others(_, column)) = self;
        let like = conn.dialect().like(column, pattern);
        match self {
            Self::Column(_) => like,
            Self::Others(others, _) => others.replace("{}", &like),
        }
    }
}

// === impl Tenants ===

impl Tenants {
    /// The tenant above the others.
    pub(crate) fn root(self) -> Uuid {
        match self {
            Self::Only(root) | Self::Subtree(root) => root,
        }
    }

    /// A condition: the tenant in `column` is one of them.
    pub(crate) fn condition(self, column: &str, sql: &mut Sql) -> String {
        match self {
            Self::Only(tenant) => format!("{column} = {}", sql.add(&tenant)),
            Self::Subtree(root) => {
                let root = sql.add(&root);
                format!("{column} IN ({})", tenants::subtree_of(&root))
            }
        }
    }
}

// === impl Sql ===

impl Sql {
    /// Adds a parameter: its name in the text.
    pub fn add(&mut self, value: impl Into<Value>) -> String {
        self.params.push(value.into());
        format!("?{}", self.params.len())
    }
}

// === impl Direction ===

impl Direction {
    fn word(self) -> &'static str {
        match self {
            Self::Asc => "ASC",
            Self::Desc => "DESC",
        }
    }

    /// The words after a sort column. SQLite would put NULL at the other end.
    fn sql(self) -> &'static str {
        match self {
            Self::Asc => "ASC NULLS LAST",
            Self::Desc => "DESC NULLS FIRST",
        }
    }
}

/// A number as databases count: an absent limit is the largest one, as NULL is
/// refused by SQLite and -1 by PostgreSQL.
fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The pattern of a search: the words in this order with anything around,
/// folded; to be compared with a folded column by `LIKE ?n ESCAPE '\'`. Nothing
/// when there is no word.
fn search_pattern(search: &str) -> Option<String> {
    let mut pattern = String::from("%");
    for word in search.split(' ').filter(|word| !word.is_empty()) {
        for letter in crate::fold(word).chars() {
            if matches!(letter, '%' | '_' | '\\') {
                pattern.push('\\');
            }
            pattern.push(letter);
        }
        pattern.push('%');
    }
    (pattern.len() > 1).then_some(pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_searched_in_order_and_wildcards_taken_literally() {
        assert_eq!(search_pattern("My  100%_app").as_deref(), Some(r"%my%100\%\_app%"));
        assert_eq!(search_pattern("  "), None);
    }
}

//! [`Value`]s on the wire: parameters by the type that the server expects, columns
//! by the type that it names.

use bytes::{BufMut, BytesMut};
use jiff::Timestamp;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type};
use tokio_postgres::{Column, Row as Answer};

use crate::{Error, Row, Value};

type Failure = Box<dyn std::error::Error + Sync + Send>;

/// PostgreSQL counts microseconds since 2000-01-01.
const EPOCH_MICROSECONDS: i64 = 946_684_800_000_000;
/// The version byte in front of a `jsonb`.
const JSONB_VERSION: u8 = 1;

/// A column as it came.
struct Raw<'a>(&'a [u8]);

// === impl Raw ===

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Failure> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// A row of an answer.
pub(super) fn row(answer: &Answer) -> Result<Row, Error> {
    let columns = answer.columns().iter().enumerate();
    let values = columns.map(|(position, column)| value(answer, position, column));
    values.collect::<Result<_, _>>().map(Row::new)
}

fn value(answer: &Answer, position: usize, column: &Column) -> Result<Value, Error> {
    let raw: Option<Raw<'_>> = answer.try_get(position)?;
    let Some(Raw(bytes)) = raw else { return Ok(Value::Null) };
    let ty = column.type_();
    from_wire(ty, bytes).map_err(|error| {
        Error::Other(format!("its column {position} of type {ty} cannot be read: {error}"))
    })
}

fn from_wire(ty: &Type, bytes: &[u8]) -> Result<Value, Failure> {
    let text = |bytes: &[u8]| Ok(Value::Text(std::str::from_utf8(bytes)?.to_owned()));
    match *ty {
        Type::BOOL => Ok(Value::Bool(bool::from_sql(ty, bytes)?)),
        Type::INT2 => Ok(Value::Int(i16::from_sql(ty, bytes)?.into())),
        Type::INT4 => Ok(Value::Int(i32::from_sql(ty, bytes)?.into())),
        Type::INT8 => Ok(Value::Int(i64::from_sql(ty, bytes)?)),
        Type::FLOAT8 => Ok(Value::Real(f64::from_sql(ty, bytes)?)),
        Type::BYTEA => Ok(Value::Blob(bytes.to_vec())),
        Type::TEXT_ARRAY | Type::VARCHAR_ARRAY => {
            Ok(Value::List(Vec::<String>::from_sql(ty, bytes)?))
        }
        Type::TIMESTAMPTZ => {
            let since_epoch = i64::from_sql(&Type::INT8, bytes)?;
            let time = since_epoch.saturating_add(EPOCH_MICROSECONDS);
            Ok(Value::Time(Timestamp::from_microsecond(time)?))
        }
        Type::JSONB => text(bytes.get(1..).unwrap_or_default()),
        // All that is text, json and xml among it.
        _ => text(bytes),
    }
}

impl ToSql for Value {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        match (self, ty) {
            (Self::Null, _) => return Ok(IsNull::Yes),
            (Self::Bool(value), &Type::BOOL) => out.put_u8((*value).into()),
            (Self::Int(value), &Type::INT2) => out.put_i16((*value).try_into()?),
            (Self::Int(value), &Type::INT4) => out.put_i32((*value).try_into()?),
            (Self::Int(value), &Type::INT8) => out.put_i64(*value),
            (Self::Real(value), &Type::FLOAT8) => out.put_f64(*value),
            (Self::Blob(bytes), &Type::BYTEA) => out.put_slice(bytes),
            (Self::List(list), _) => return list.to_sql(ty, out),
            (Self::Time(time), &Type::TIMESTAMPTZ) => {
                out.put_i64(time.as_microsecond().saturating_sub(EPOCH_MICROSECONDS));
            }
            (Self::Text(text), &Type::JSONB) => {
                out.put_u8(JSONB_VERSION);
                out.put_slice(text.as_bytes());
            }
            (Self::Text(text), _) if is_text(ty) => out.put_slice(text.as_bytes()),
            (value, _) => {
                return Err(format!("{} where {ty} is expected", value.kind()).into());
            }
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    tokio_postgres::types::to_sql_checked!();
}

fn is_text(ty: &Type) -> bool {
    [Type::TEXT, Type::VARCHAR, Type::BPCHAR, Type::UNKNOWN, Type::JSON, Type::XML].contains(ty)
}

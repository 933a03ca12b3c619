//! Writes replies as JSON, byte for byte as `serde_json` does, for the shapes that replies have: objects, lists, texts,
//! numbers and `null`. `serde_json` looks at every byte of every name and text by itself, which was a tenth of all that
//! a request cost.

use serde::Serialize;
use serde::ser::{
    Error as _, Impossible, SerializeSeq, SerializeStruct, SerializeTuple, Serializer,
};
use serde_json::Error;

use crate::base::needs_no_escape;

/// The name under which a newtype hands over digits that are written as they stand, `1.00` with its zeros.
pub(super) const NUMBER: &str = "payon::Number";

/// Room for a name with what surrounds it.
const NAME_ROOM: usize = 32;

/// JSON in the making.
pub(super) struct JsonWriter(pub(super) Vec<u8>);

/// An object or a list in the making.
pub(super) struct Items<'w> {
    out: &'w mut JsonWriter,
    is_first: bool,
    end: u8,
}

impl JsonWriter {
    fn text(&mut self, text: &str) -> Result<(), Error> {
        if needs_no_escape(text.as_bytes()) {
            self.quoted(text);
            Ok(())
        } else {
            self.other(text)
        }
    }

    fn quoted(&mut self, plain: &str) {
        self.0.push(b'"');
        self.0.extend_from_slice(plain.as_bytes());
        self.0.push(b'"');
    }

    /// Serializes values that are rare or have nothing to gain.
    fn other<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        serde_json::to_writer(&mut self.0, value)
    }

    fn items(&mut self, [start, end]: [u8; 2]) -> Items<'_> {
        self.0.push(start);
        Items { out: self, is_first: true, end }
    }
}

impl Items<'_> {
    fn separate(&mut self) {
        if !std::mem::take(&mut self.is_first) {
            self.out.0.push(b',');
        }
    }

    /// Writes the text before a value of that name. Names of members are our own, and have nothing to escape. They are known
    /// when this is compiled, so all of it is one copy of a constant, which asks for room once.
    #[allow(clippy::inline_always, reason = "else the name is not known when this is compiled")]
    #[inline(always)]
    fn name(&mut self, name: &'static str) {
        let (mut piece, end) = ([0; NAME_ROOM], name.len() + 2);
        if end + 2 > NAME_ROOM {
            self.separate();
            self.out.quoted(name);
            self.out.0.push(b':');
            return;
        }
        (piece[0], piece[1], piece[end], piece[end + 1]) = (b',', b'"', b'"', b':');
        piece[2..end].copy_from_slice(name.as_bytes());
        let start = usize::from(std::mem::take(&mut self.is_first));
        self.out.0.extend_from_slice(&piece[start..end + 2]);
    }

    fn close(self) {
        self.out.0.push(self.end);
    }
}

impl SerializeStruct for Items<'_> {
    type Ok = ();
    type Error = Error;

    #[allow(clippy::inline_always, reason = "see Items::name")]
    #[inline(always)]
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.name(name);
        value.serialize(&mut *self.out)
    }

    fn end(self) -> Result<(), Error> {
        self.close();
        Ok(())
    }
}

impl SerializeSeq for Items<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.separate();
        value.serialize(&mut *self.out)
    }

    fn end(self) -> Result<(), Error> {
        self.close();
        Ok(())
    }
}

/// Arrays of a known length, which serde takes for tuples.
impl SerializeTuple for Items<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Result<(), Error> {
        SerializeSeq::end(self)
    }
}

/// Refuses values that no reply has.
fn no_reply<T>() -> Result<T, Error> {
    Err(Error::custom("replies are objects, lists, texts, numbers and null"))
}

/// Scalars without a way of their own.
macro_rules! others {
    ($($method:ident: $type:ty,)+) => {$(
        fn $method(self, value: $type) -> Result<(), Error> {
            self.other(&value)
        }
    )+};
}

impl<'w> Serializer for &'w mut JsonWriter {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Items<'w>;
    type SerializeStruct = Items<'w>;
    type SerializeTuple = Items<'w>;
    type SerializeTupleStruct = Impossible<(), Error>;
    type SerializeTupleVariant = Impossible<(), Error>;
    type SerializeMap = Impossible<(), Error>;
    type SerializeStructVariant = Impossible<(), Error>;

    others! {
        serialize_bool: bool, serialize_char: char,
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
        serialize_f32: f32, serialize_f64: f64,
    }

    fn serialize_str(self, text: &str) -> Result<(), Error> {
        self.text(text)
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Error> {
        self.other(bytes)
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.0.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<(), Error> {
        // Named by us, so there is nothing to escape.
        self.quoted(variant);
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        if name != NUMBER {
            return value.serialize(self);
        }
        // Written as a text, whose quotation marks are then taken off.
        let start = self.0.len();
        value.serialize(&mut *self)?;
        self.0.pop();
        self.0.remove(start);
        Ok(())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _value: &T,
    ) -> Result<(), Error> {
        no_reply()
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<Items<'w>, Error> {
        Ok(self.items(*b"[]"))
    }

    fn serialize_tuple(self, _len: usize) -> Result<Items<'w>, Error> {
        Ok(self.items(*b"[]"))
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        _len: usize,
    ) -> Result<Self::SerializeTupleStruct, Error> {
        no_reply()
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _len: usize,
    ) -> Result<Self::SerializeTupleVariant, Error> {
        no_reply()
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Self::SerializeMap, Error> {
        no_reply()
    }

    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<Items<'w>, Error> {
        Ok(self.items(*b"{}"))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _len: usize,
    ) -> Result<Self::SerializeStructVariant, Error> {
        no_reply()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Envelope, encode};

    #[test]
    fn texts_are_written_as_serde_json_writes_them() {
        let long = "a text of more bytes than are looked at at once, with a tab at the end\t";
        for text in
            ["", "plain", "\"", "back\\slash", "line\nbreak", "\u{1f}\u{7f}", "ប៉ាយអន 😀", long]
        {
            let reply = Envelope {
                result_msg: text.into(),
                result_code: "0".into(),
                result_data: Some([text; 2]),
            };
            let expected = format!(
                r#"{{"resultMsg":{0},"resultCode":"0","resultData":[{0},{0}]}}"#,
                json!(text)
            );
            assert_eq!(String::from_utf8(encode(&reply)).as_deref(), Ok(&*expected));
        }
    }
}

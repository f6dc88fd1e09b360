package main

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/chimewatch/chimewatch/internal/apperr"
)

// utf8Mark is the byte order mark of UTF-8, which some editors and PowerShell write at the start of a file.
const utf8Mark = "\uFEFF"

const saveAsUTF8 = "save it as UTF-8"

// decodeText returns the text of a file as UTF-8 without a byte order mark. It reads UTF-8, and UTF-16
// with a mark, as PowerShell writes it. invalid is the offset of the first byte that is no UTF-8, -1 if
// there is none: the functions accept such events, so that it is no error. An error of class Invalid
// names another encoding.
func decodeText(file string, raw []byte) (text []byte, invalid int, err error) {
	refuse := func(what, fix string) ([]byte, int, error) {
		return nil, 0, apperr.New(apperr.Invalid, file, what, fix)
	}
	begins := func(with ...byte) bool { return bytes.HasPrefix(raw, with) }
	switch {
	case begins(0xFF, 0xFE, 0, 0), begins(0, 0, 0xFE, 0xFF):
		return refuse("is UTF-32", saveAsUTF8)
	case begins(0xFF, 0xFE):
		text, err = decodeUTF16(file, raw[2:], binary.LittleEndian)
		return text, -1, err
	case begins(0xFE, 0xFF):
		text, err = decodeUTF16(file, raw[2:], binary.BigEndian)
		return text, -1, err
	case begins(0x1F, 0x8B):
		return refuse("is compressed with gzip", "decompress it first, for instance with gzip -d")
	case len(raw) >= 2 && (raw[0] == 0) != (raw[1] == 0):
		return refuse("looks like UTF-16 without a byte order mark", saveAsUTF8)
	case bytes.IndexByte(raw, 0) >= 0:
		return refuse("is no text: it has bytes that are zero", "give a file of JSON, in UTF-8")
	}
	text = bytes.TrimPrefix(raw, []byte(utf8Mark))
	for i, r := range string(text) {
		if r == utf8.RuneError && !bytes.HasPrefix(text[i:], []byte(string(utf8.RuneError))) {
			return text, i, nil
		}
	}
	return text, -1, nil
}

func decodeUTF16(file string, raw []byte, order binary.ByteOrder) ([]byte, error) {
	if len(raw)%2 != 0 {
		return nil, apperr.New(apperr.Invalid, file, "is UTF-16 and ends within a character", saveAsUTF8)
	}
	units := make([]uint16, len(raw)/2)
	for i := range units {
		units[i] = order.Uint16(raw[2*i:])
	}
	return []byte(string(utf16.Decode(units))), nil
}

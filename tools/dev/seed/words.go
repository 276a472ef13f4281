package seed

import (
	"math/rand/v2"
	"strings"
	"unicode"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

var givenNames = strings.Fields(`Ada Aisha Akira Alba Amara Anton Anouk Arjun Astrid Ayşe Björn Bianca Camille Carlos Chidi Chloé Dalia Daniel
	Deniz Dmitri Elena Elif Emeka Emil Esra Fatima Felix Femi Freya Giulia Grace Hana Hassan Henrik Ines Ivan Jana Jin Jonas José Kaito Karim
	Kofi Lars Leila Linh Lucía Luka Malik Maja Marco Maria Mei Milan Mira Nadia Nia Noor Olga Omar Paula Priya Rafael Rosa Ravi Sara Sofía
	Soren Tariq Théo Tomás Uma Vera Viktor Wei Yara Yusuf Zoë`)

var familyNames = strings.Fields(`Abe Ahmed Almeida Andersson Banerjee Bauer Becker Bianchi Castro Chen Cohen Costa Dahl Dubois Eriksen Fernández
	Fischer Fonseca García Haddad Hansen Hoffmann Ivanova Jansen Kaya Keller Khan Kim Kovács Kowalski Kumar Larsen Lefèvre Lindqvist López Mahlangu
	Martin Mbeki Mensah Meyer Moreau Müller Nakamura Ng Nguyen Novák Okafor Olsen Papadopoulos Park Patel Petrov Popescu Ricci Rossi Sato Schmidt
	Schneider Silva Singh Suzuki Tanaka Torres Vargas Virtanen Wang Weber Wójcik Yılmaz Zhang`)

// kind is a kind of service.
type kind struct {
	first, second, descriptions []string
	good, fair, bad             []string // comments
}

var kinds = []kind{
	{
		first:  []string{"Café", "Kaffeehaus", "The Daily", "Little", "Corner", "Old"},
		second: []string{"Luna", "Morgenrot", "Grind", "Percolator", "Sparrow", "Cardamom", "Central", "Anna"},
		descriptions: []string{
			"Coffee from its own roaster, and cake until it is gone.", "Breakfast all day, newspapers on sticks, no laptops at weekends.",
			"Six seats at the window and the best flat white of the quarter.",
		},
		good: []string{"The cinnamon buns alone are worth the way.", "Best espresso in town.", "Friendly even on a Monday morning."},
		fair: []string{"Good coffee, hard chairs.", "Fine, but always full.", "Nice place, small portions."},
		bad:  []string{"Lukewarm, twice.", "Waited half an hour for a tea.", "The cake was from yesterday, at best."},
	},
	{
		first:  []string{"The Last", "A Winter in", "Nobody's", "Return to", "Under", "The Quiet"},
		second: []string{"Lighthouse", "Trieste", "Orchard", "Cartographer", "Glass Sea", "Passenger", "Valparaíso", "Summer"},
		descriptions: []string{
			"A film about two brothers and a boat that neither can sail.", "A thriller in four rooms, shot in one take.",
			"A comedy about the wedding of people who have never met.", "A documentary: one year in the life of a railway station.",
		},
		good: []string{"I forgot to breathe.", "Still thinking about the last scene.", "The music!"},
		fair: []string{"Beautiful, and twenty minutes too long.", "Good first half.", "Saw the ending coming."},
		bad:  []string{"Fell asleep.", "Two hours that I won't get back.", "The book was better. The trailer was, too."},
	},
	{
		first:  []string{"Trattoria", "Ristorante", "Casa", "Izakaya", "Golden", "Zum"},
		second: []string{"Ponte", "Sorella", "Hirsch", "Dragon", "Kyoto", "Olivo", "Limone", "Anker"},
		descriptions: []string{
			"Handmade pasta, a short menu, a long list of wines.", "Three courses that change every week.",
			"A family's kitchen in its third generation.", "Small plates to share, late into the night.",
		},
		good: []string{"The ravioli are a dream.", "We came back the next day.", "Perfect evening, fair prices."},
		fair: []string{"Tasty, but loud.", "The starters are better than the mains.", "Solid."},
		bad:  []string{"Cold soup, and not the kind that should be.", "They lost our reservation.", "Salt, salt, salt."},
	},
	{
		first:  []string{"Paper", "Blue", "Second", "North", "Bright", "Kind"},
		second: []string{"& Thread", "Parcel", "Bicycle Parts", "Records", "Seeds", "Stationery", "Lamps", "Tea"},
		descriptions: []string{
			"A web shop for things that last.", "Small makers, plain packaging, free returns.", "What you order before noon is sent the same day.",
		},
		good: []string{"Arrived the next day, with a handwritten note.", "Great quality.", "Returning something took two minutes."},
		fair: []string{"Nice things, slow delivery.", "The colour is not quite that of the picture.", "Okay for the price."},
		bad:  []string{"Still waiting for my parcel.", "Broken on arrival, and nobody answers.", "Cancelled my order without a word."},
	},
	{
		first:  []string{"Museum of", "House of", "Gallery of", "Archive of"},
		second: []string{"Clocks", "Tides", "Small Machines", "Light", "Maps", "Typewriters", "Salt"},
		descriptions: []string{
			"A collection of one person's life, shown in the rooms where she lived.", "Everything may be touched.",
			"Three floors, a garden, and a tower with a view.",
		},
		good: []string{"The guide could have talked for hours, and we would have listened.", "My children want to go again.", "A gem."},
		fair: []string{"Interesting, but the labels are in one language only.", "Worth an hour.", "Half of it was closed."},
		bad:  []string{"Crowded and stuffy.", "Twelve euros for two rooms.", "The café is nicer than the exhibition."},
	},
}

// comment returns what somebody says who gives a score; more than half say nothing.
func comment(r *rand.Rand, k kind, score int32) string {
	if r.IntN(5) >= 2 {
		return ""
	}
	switch {
	case score >= 4:
		return pick(r, k.good)
	case score >= 2:
		return pick(r, k.fair)
	default:
		return pick(r, k.bad)
	}
}

// special are letters that Unicode does not decompose into one of ASCII and a mark.
var special = strings.NewReplacer("ø", "o", "ı", "i", "ł", "l")

// mailName returns a name as it is usual in e-mail addresses: in lower case, without marks.
func mailName(name string) string {
	plain, _, err := transform.String(transform.Chain(norm.NFD, runes.Remove(runes.In(unicode.Mn)), norm.NFC), strings.ToLower(name))
	if err != nil {
		return "someone" // it does not happen to words of ours
	}
	return special.Replace(plain)
}

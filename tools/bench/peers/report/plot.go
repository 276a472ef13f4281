package report

import (
	"fmt"
	"image/color"
	"io"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Plot is lines through points.
type Plot struct {
	// Title, X and Y are the plot's and the axes' names; those of axes with their units.
	Title, X, Y string
	// LogX and LogY have a logarithmic axis, on which all values must be positive. Others begin at 0 where no value is
	// negative.
	LogX, LogY bool
	// XTicks are the labelled values of the X axis; without, they are chosen.
	XTicks []float64
	Series []Series
}

// Series is one line, or the bars of one colour.
type Series struct {
	Name   string
	Points []Point
	// Color is the number of its colour and, if it is a line, of its shape, from 1, where plots beside each other shall have
	// the same; without, the place among the series counts.
	Color int
}

func (s Series) color(place int) int {
	if s.Color > 0 {
		return s.Color - 1
	}
	return place
}

// Point is a value, such as a median, and how far it reached. Low and High are both 0 where that is not known.
type Point struct{ X, Y, Low, High float64 }

// Bars is groups of bars.
type Bars struct {
	Title, Y string
	// Groups are the names below the groups of bars.
	Groups []string
	// Series have a bar for each group: that of Groups[i] is Points[i], whose X does not matter.
	Series []Series
}

// The sizes on paper.
const (
	width        = 9 * vg.Inch
	height       = 5 * vg.Inch
	margin       = 0.1 * vg.Inch
	captionSize  = 8 // points
	captionLine  = 11
	barsOfAGroup = 0.8 // of the width that a group has
)

// colors are told apart by those who see less of them too: Okabe and Ito, https://jfly.uni-koeln.de/color/
var colors = []color.Color{
	color.RGBA{0, 114, 178, 255},
	color.RGBA{213, 94, 0, 255},
	color.RGBA{0, 158, 115, 255},
	color.RGBA{204, 121, 167, 255},
	color.RGBA{86, 180, 233, 255},
	color.RGBA{230, 159, 0, 255},
	color.RGBA{0, 0, 0, 255},
}

// WriteSVG draws the plot; below it is what it was measured on.
func (p Plot) WriteSVG(to io.Writer, with Provenance) error {
	if !slices.ContainsFunc(p.Series, func(s Series) bool { return len(s.Points) > 0 }) {
		return fmt.Errorf("plot %q: there are no points", p.Title)
	}
	page, legend := newPage(p.Title)
	page.X.Label.Text, page.Y.Label.Text = p.X, p.Y
	page.Add(plotter.NewGrid())
	for i, s := range p.Series {
		if len(s.Points) == 0 {
			continue
		}
		if err := p.check(s); err != nil {
			return err
		}
		points := pointsOf(s)
		line, glyphs, err := plotter.NewLinePoints(points)
		if err != nil {
			return fmt.Errorf("plot %q: %s: %w", p.Title, s.Name, err)
		}
		color := s.color(i)
		style(color, &line.LineStyle)
		line.Dashes = plotutil.Dashes(color)
		glyphs.GlyphStyle = draw.GlyphStyle{Color: line.Color, Radius: vg.Points(3), Shape: plotutil.Shape(color)}
		page.Add(line, glyphs)
		legend.Add(s.Name, line, glyphs)
		if err := addSpread(page, color, points); err != nil {
			return fmt.Errorf("plot %q: %s: %w", p.Title, s.Name, err)
		}
	}
	scale(&page.X, p.LogX)
	if len(p.XTicks) > 0 {
		page.X.Tick.Marker = plot.TickerFunc(func(float64, float64) []plot.Tick {
			marks := make([]plot.Tick, len(p.XTicks))
			for i, x := range p.XTicks {
				marks[i] = plot.Tick{Value: x, Label: label(x)}
			}
			return marks
		})
	}
	scale(&page.Y, p.LogY)
	return write(to, page, legend, with)
}

func (p Plot) check(s Series) error {
	for _, at := range s.Points {
		if p.LogX && at.X <= 0 || p.LogY && (at.Y <= 0 || at.spread() && at.Low <= 0) {
			return fmt.Errorf("plot %q: %s: %v: a logarithmic axis shows what is positive", p.Title, s.Name, at)
		}
	}
	return nil
}

// scale sets an axis up.
func scale(axis *plot.Axis, logarithmic bool) {
	if logarithmic {
		axis.Scale, axis.Tick.Marker = plot.LogScale{}, plot.TickerFunc(logTicks)
		return
	}
	axis.Min = min(axis.Min, 0)
	axis.Tick.Marker = plot.TickerFunc(ticks)
}

// WriteSVG draws the bars; below them is what they were measured on.
func (b Bars) WriteSVG(to io.Writer, with Provenance) error {
	if len(b.Groups) == 0 || len(b.Series) == 0 {
		return fmt.Errorf("plot %q: there are no bars", b.Title)
	}
	page, legend := newPage(b.Title)
	page.Y.Label.Text = b.Y
	grid := plotter.NewGrid()
	grid.Vertical.Width = 0
	page.Add(grid)
	step := barsOfAGroup / float64(len(b.Series)) // the width of a bar, where that of a group is 1
	var charts []*plotter.BarChart
	for i, s := range b.Series {
		if len(s.Points) != len(b.Groups) {
			return fmt.Errorf("plot %q: %s: %d bars for %d groups", b.Title, s.Name, len(s.Points), len(b.Groups))
		}
		middle := (float64(i) - float64(len(b.Series)-1)/2) * step
		points := pointsOf(s)
		values := make(plotter.Values, len(points))
		for j := range points {
			values[j] = points[j].Y
			points[j].X = float64(j) + middle
		}
		bars, err := plotter.NewBarChart(values, 1)
		if err != nil {
			return fmt.Errorf("plot %q: %s: %w", b.Title, s.Name, err)
		}
		bars.Color, bars.LineStyle.Width = colorOf(s.color(i)), 0
		bars.XMin = middle
		page.Add(bars)
		legend.Add(s.Name, bars)
		charts = append(charts, bars)
		if err := addSpread(page, len(colors)-1, points); err != nil { // black
			return fmt.Errorf("plot %q: %s: %w", b.Title, s.Name, err)
		}
	}
	page.NominalX(b.Groups...)
	page.X.Min, page.X.Max = -0.5, float64(len(b.Groups))-0.5
	scale(&page.Y, false)
	for _, bars := range charts {
		// The plot's own width is the paper's less the legend and about an inch for the axis.
		bars.Width = (width - widthOf(legend) - vg.Inch) / vg.Length(len(b.Groups)) * vg.Length(step)
	}
	return write(to, page, legend, with)
}

// points are what gonum's plotters take.
type points []Point

func pointsOf(s Series) points { return slices.Clone(s.Points) }

func (p Point) spread() bool { return p.Low != 0 || p.High != 0 }

// Len, XY and YError are what plotters ask for.
func (p points) Len() int                    { return len(p) }
func (p points) XY(i int) (x, y float64)     { return p[i].X, p[i].Y }
func (p points) YError(i int) (_, _ float64) { return p[i].Y - p[i].Low, p[i].High - p[i].Y }

// addSpread adds how far values reached, where that is known.
func addSpread(page *plot.Plot, color int, all points) error {
	var known points
	for _, p := range all {
		if p.spread() {
			known = append(known, p)
		}
	}
	if len(known) == 0 {
		return nil
	}
	bars, err := plotter.NewYErrorBars(known)
	if err != nil {
		return err
	}
	style(color, &bars.LineStyle)
	page.Add(bars)
	return nil
}

func colorOf(i int) color.Color { return colors[i%len(colors)] }

func style(i int, line *draw.LineStyle) { line.Color, line.Width = colorOf(i), vg.Points(1.2) }

// newPage returns an empty plot in a font without serifs, and a legend to be drawn beside it.
func newPage(title string) (*plot.Plot, *plot.Legend) {
	page := plot.New()
	page.Title.Text = title
	page.Title.Padding = vg.Points(6)
	legend := plot.NewLegend()
	legend.Top, legend.Left = true, true
	legend.Padding = vg.Points(3)
	for _, each := range []*text.Style{&page.Title.TextStyle, &page.X.Label.TextStyle, &page.Y.Label.TextStyle, &page.X.Tick.Label, &page.Y.Tick.Label, &legend.TextStyle} {
		each.Font.Variant = "Sans"
	}
	legend.TextStyle.Font.Size = vg.Points(10)
	return page, &legend
}

// widthOf returns how wide a legend is.
func widthOf(legend *plot.Legend) vg.Length {
	return legend.Rectangle(draw.NewCanvas(vgsvg.New(width, height), width, height)).Size().X + margin
}

// write draws a page with its legend and caption.
func write(to io.Writer, page *plot.Plot, legend *plot.Legend, with Provenance) error {
	svg := vgsvg.New(width, height)
	all := draw.New(svg)
	all.FillPolygon(color.White, []vg.Point{all.Min, {X: all.Max.X, Y: all.Min.Y}, all.Max, {X: all.Min.X, Y: all.Max.Y}})

	caption := legend.TextStyle
	caption.Font.Size = vg.Points(captionSize)
	caption.Color = color.Gray{90}
	lines := wrap(caption, with.Lines(), width-2*margin)
	bottom := vg.Points(captionLine)*vg.Length(len(lines)) + margin
	for i, line := range lines {
		all.FillText(caption, vg.Point{X: margin, Y: bottom - vg.Points(captionLine)*vg.Length(i+1)}, line)
	}

	room := widthOf(legend)
	body := draw.Crop(all, margin, -margin, bottom+margin, -margin)
	page.Draw(draw.Crop(body, 0, -room-margin, 0, 0))
	legend.Draw(draw.Crop(body, body.Size().X-room, 0, 0, -margin*3))
	_, err := svg.WriteTo(to)
	return err
}

// wrap breaks lines at spaces where they would be wider.
func wrap(style text.Style, lines []string, width vg.Length) []string {
	var all []string
	for _, line := range lines {
		begun := ""
		for word := range strings.FieldsSeq(line) {
			if begun != "" && style.Width(begun+" "+word) > width {
				all = append(all, begun)
				begun = "   "
			}
			if begun != "" {
				begun += " "
			}
			begun += word
		}
		all = append(all, begun)
	}
	return all
}

// ticks are gonum's, with no digits that say nothing.
func ticks(low, high float64) []plot.Tick {
	all := plot.DefaultTicks{}.Ticks(low, high)
	for i, tick := range all {
		if !tick.IsMinor() {
			all[i].Label = label(tick.Value)
		}
	}
	return all
}

func label(value float64) string { return fmt.Sprintf("%.6g", value) }

// logTicks has a label at 1, 2 and 5 times each power of ten.
func logTicks(low, high float64) []plot.Tick {
	var ticks []plot.Tick
	for power := math.Pow10(int(math.Floor(math.Log10(low)))); power <= high; power *= 10 {
		for digit := 1; digit < 10; digit++ {
			value := power * float64(digit)
			if value < low || value > high {
				continue
			}
			tick := plot.Tick{Value: value}
			if digit == 1 || digit == 2 || digit == 5 {
				tick.Label = label(value)
			}
			ticks = append(ticks, tick)
		}
	}
	return ticks
}

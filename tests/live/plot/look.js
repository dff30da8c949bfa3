// Looks at the picture in this page as a reader would, and writes what it finds
// into #found: what plot.test asks for.
'use strict';

const svg = document.querySelector('svg');
const all = (selector) => [...svg.querySelectorAll(selector)];
const say = [];

// A colour as [red, green, blue], and its luminance by WCAG 2.1.
const channels = (text) => text.match(/[\d.]+/g).slice(0, 3).map(Number);

function luminance(colour) {
    const [r, g, b] = channels(colour).map((c) => {
        c /= 255;
        return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a, b) {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
}

const paper = getComputedStyle(svg.querySelector('.paper')).fill;
say.push('scheme ' + (luminance(paper) > 0.5 ? 'light' : 'dark'));

// Words: inside of the picture, none upon others, and to be read.
const frame = svg.getBoundingClientRect();
const texts = all('text').map((element) => ({
    element, box: element.getBoundingClientRect(),
}));
const is_outside = ({box}) => box.left < frame.left || box.top < frame.top ||
    box.right > frame.right || box.bottom > frame.bottom;
const slack = 2; // of the line above and below the letters
const touch = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 &&
    a.top + slack < b.bottom - slack && b.top + slack < a.bottom - slack;
const outside = texts.filter(is_outside);
const overlapping = [];
for (let i = 0; i < texts.length; i++)
    for (let j = 0; j < i; j++)
        if (touch(texts[i].box, texts[j].box))
            overlapping.push([texts[i], texts[j]]);
const faint = texts.filter(({element}) =>
    contrast(getComputedStyle(element).fill, paper) < 4.5);
const words = ({element}) => element.textContent;

say.push('texts ' + texts.length);
say.push('outside ' + outside.length, ...outside.map((t) => '# ' + words(t)));
say.push('overlapping ' + overlapping.length,
    ...overlapping.map(([a, b]) => `# ${words(a)} / ${words(b)}`));
say.push('faint ' + faint.length, ...faint.map((t) => '# ' + words(t)));
say.push('height ' + Math.round(frame.height));
say.push('titles ' + (document.title !== undefined &&
    svg.querySelector('title').textContent.length > 10 &&
    svg.querySelector('desc').textContent.length > 50 &&
    svg.getAttribute('role') === 'img' ? 1 : 0));

// Lines: each has a length and a colour that is not the paper's.
function visible(selector) {
    return all(selector).filter((path) =>
        path.getTotalLength() > 0 &&
        contrast(getComputedStyle(path).stroke, paper) >= 3).length;
}
say.push('segments ' + visible('.sequence path.data'));
say.push('again ' + visible('.sequence path.again'));
say.push('sack ' + visible('.sequence path.sack'));
say.push('acks ' + visible('.sequence path.l.ack'));
say.push('flight ' + visible('.windows path.flight'));
say.push('cwnd ' + visible('.windows path.cwnd'));
say.push('ssthresh ' + visible('.windows path.dot'));
say.push('srtt ' + visible('.rtt path.l'));
say.push('rtt ' + visible('.rtt path.data'));
say.push('colours ' + new Set(all('path, line').map((element) =>
    getComputedStyle(element).stroke)).size);

for (const state of new Set(all('.ladder .state').map((e) => e.textContent)))
    say.push(`state ${state} 1`);

document.getElementById('found').textContent = '\n' + say.join('\n') + '\n';

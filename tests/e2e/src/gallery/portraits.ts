// Faces for the people of the gallery, drawn on a canvas: nobody's likeness, nobody's licence.

/** What tells one from another. */
export interface Looks {
  ground: [string, string];
  skin: string;
  hair: string;
  style: 'short' | 'long' | 'bun' | 'curls' | 'bald' | 'scarf' | 'bob';
  shirt: string;
  beard?: boolean;
  glasses?: boolean;
}

/** Inside a page: the picture as a data URL. */
export function portrait(looks: Looks): string {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 256;
  const pen = canvas.getContext('2d')!;
  const oval = (x: number, y: number, across: number, high: number, colour: string): void => {
    pen.fillStyle = colour;
    pen.beginPath();
    pen.ellipse(x, y, across, high, 0, 0, Math.PI * 2);
    pen.fill();
  };
  const half = (x: number, y: number, across: number, high: number, colour: string): void => {
    pen.fillStyle = colour;
    pen.beginPath();
    pen.ellipse(x, y, across, high, 0, Math.PI, 0);
    pen.fill();
  };
  const line = (colour: string, width: number, draw: () => void): void => {
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.lineCap = 'round';
    pen.beginPath();
    draw();
    pen.stroke();
  };
  const { skin, hair, style, shirt } = looks;

  const ground = pen.createLinearGradient(0, 0, 256, 256);
  ground.addColorStop(0, looks.ground[0]);
  ground.addColorStop(1, looks.ground[1]);
  pen.fillStyle = ground;
  pen.fillRect(0, 0, 256, 256);

  // Behind the head.
  if (style === 'long') {
    half(128, 112, 66, 74, hair);
    pen.fillStyle = hair;
    pen.beginPath();
    pen.roundRect(62, 108, 132, 108, 34);
    pen.fill();
  }
  if (style === 'bob') oval(128, 122, 68, 68, hair);
  if (style === 'curls')
    for (const [x, y] of [
      [74, 92],
      [92, 62],
      [128, 50],
      [164, 62],
      [182, 92],
      [70, 124],
      [186, 124],
    ] as const)
      oval(x, y, 30, 30, hair);
  if (style === 'bun') oval(128, 38, 28, 26, hair);
  if (style === 'scarf') oval(128, 124, 70, 82, hair);

  // Shoulders, neck, head.
  half(128, 262, 96, 74, shirt);
  pen.fillStyle = `color-mix(in oklab, ${skin} 84%, #402010)`;
  pen.beginPath();
  pen.roundRect(104, 158, 48, 52, 22);
  pen.fill();
  if (style === 'scarf') half(128, 214, 62, 40, hair);
  oval(128, 120, 52, 60, skin);
  if (style !== 'scarf') {
    oval(76, 124, 9, 13, skin);
    oval(180, 124, 9, 13, skin);
  }

  // Before it.
  if (looks.beard) {
    pen.fillStyle = hair;
    pen.beginPath();
    pen.ellipse(128, 134, 52, 50, 0, 0.12, Math.PI - 0.12);
    pen.fill();
    oval(128, 132, 42, 22, skin);
  }
  if (style === 'short') half(128, 100, 55, 46, hair);
  if (style === 'long' || style === 'bob' || style === 'bun') {
    half(128, 104, 55, 52, hair);
    oval(150, 112, 36, 22, skin);
  }
  if (style === 'curls') half(128, 92, 52, 36, hair);
  if (style === 'scarf') {
    half(128, 106, 58, 58, hair);
    oval(128, 114, 46, 30, skin);
  }

  const ink = '#2a211d';
  oval(108, 124, 5, 6, ink);
  oval(148, 124, 5, 6, ink);
  line(ink, 4, () => pen.arc(108, 116, 12, Math.PI * 1.2, Math.PI * 1.8));
  line(ink, 4, () => {
    pen.moveTo(138, 109);
    pen.arc(148, 116, 12, Math.PI * 1.2, Math.PI * 1.8);
  });
  line(`color-mix(in oklab, ${skin} 70%, #7a2a20)`, 5, () =>
    pen.arc(128, 138, 20, Math.PI * 0.18, Math.PI * 0.82),
  );
  if (looks.glasses) {
    line('#1f2a30', 5, () => pen.arc(106, 124, 19, 0, Math.PI * 2));
    line('#1f2a30', 5, () => pen.arc(150, 124, 19, 0, Math.PI * 2));
    line('#1f2a30', 5, () => {
      pen.moveTo(125, 122);
      pen.lineTo(131, 122);
    });
  }
  return canvas.toDataURL('image/png');
}
